/* A library on disk with its debug info, wherever that is: in the file, or in one of its own beside
 * it or below /usr/lib/debug. Everything that stands in them is untrusted. */
#ifndef INSPECT_DEBUG_FILE_H
#define INSPECT_DEBUG_FILE_H

#include "base/error.h"

#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

struct package;

struct debug_file {
    int fd, apart_fd; /* -1: none */
    Elf *elf;         /* the library */
    Elf *apart;       /* where its debug info stands when it is not in the library; NULL */
    Dwarf *dwarf;
    struct package *package; /* of what was split off; NULL: there is none */
};

/* `origin`: what the library was copied from, beside which separate debug info may lie; "": none.
 * False with `err`, and nothing is open: ERROR_MISSING when there is no debug info. */
bool debug_file_open(struct debug_file *file, const char *path, const char *origin,
                     struct error *err);
void debug_file_close(struct debug_file *file);

/* Where the bytes [address, address + size) of the library stand as they are in the file. NULL:
 * they do not. */
const void *debug_file_bytes(const struct debug_file *file, uint64_t address, uint64_t size);

/* The section of the library (never of a separate file) that holds `address`. NULL: none. */
Elf_Scn *debug_file_section(const struct debug_file *file, uint64_t address, GElf_Shdr *header);

/* The bytes of the section `name` as they stand in the file. NULL: there is none, or it is
 * compressed. */
const unsigned char *debug_file_table(Elf *elf, const char *name, size_t *size);

#endif
