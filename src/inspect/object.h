/* A library or program on disk, open for its names. Everything that stands in it is untrusted. */
#ifndef INSPECT_OBJECT_H
#define INSPECT_OBJECT_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct units;   /* which unit of debug info has which code */
struct symbols; /* the symbol table in the order of addresses */

struct object {
    char *path; /* by which it is known */
    int fd;
    struct stat file;
    int64_t written_ns; /* when it was built: a source that is newer is another one */
    Elf *elf;
    Dwarf *dwarf;            /* NULL: it has no debug info that counts */
    struct units *units;     /* NULL without debug info */
    struct symbols *symbols; /* NULL: not wanted yet */
    uint64_t used;           /* when it was asked for last */
};

/* Opens and indexes the ELF file `path`. NULL: it cannot be read, or is none. */
struct object *object_open(const char *path);
void object_close(struct object *object); /* NULL is allowed */

/* The function that holds `address`, by the symbol table alone. NULL: none is known to. */
const char *object_symbol(struct object *object, uint64_t address, uint64_t *past);

/* False when `path` leads to another file than the one that is open; one that is gone is no
 * other. */
bool object_is_current(const struct object *object);

/* True when no file has this name any more. */
bool object_is_gone(const struct object *object);

#endif
