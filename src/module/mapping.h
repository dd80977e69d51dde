/* A library in memory: what the loader made of it. Private to this folder. */
#ifndef MODULE_MAPPING_H
#define MODULE_MAPPING_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MAPPING_MAX_SEGMENTS = 64
};

struct mapping_segment {
    uintptr_t start;
    size_t size;      /* in memory */
    size_t from_file; /* the first part of it; the rest began as zeroes */
    uint32_t flags;   /* PF_R, PF_W, PF_X */
};

struct mapping {
    uintptr_t bias; /* what is added to the addresses of the file */
    struct mapping_segment segments[MAPPING_MAX_SEGMENTS];
    size_t segment_count;
    uintptr_t relro;
    size_t relro_size;
    const Elf64_Sym *symbols;
    const char *strings;
    const Elf64_Rela *rela, *jmprel;
    size_t rela_count, jmprel_count;
    const Elf64_Dyn *dynamic; /* ends with DT_NULL */
};

/* Fills `mapping` from the loader's entry for a library that stays loaded meanwhile. False when the
 * loader does not list it. */
bool mapping_read(const struct link_map *map, struct mapping *mapping);

/* The segment that holds all of [address, address + size) and has all of `flags`; NULL: none. */
const struct mapping_segment *mapping_segment_of(const struct mapping *mapping, uintptr_t address,
                                                 size_t size, uint32_t flags);

/* The end of the last segment minus the start of the first. */
size_t mapping_span(const struct mapping *mapping);

/* Calls `visit` for each relocation that names a symbol, until it returns false. `slot` is where
 * the loader has put the address. Thread-local and copied symbols are left out. */
void mapping_each_use(const struct mapping *mapping,
                      bool (*visit)(void *context, uint32_t symbol, const uintptr_t *slot,
                                    const Elf64_Rela *rela),
                      void *context);

/* True when the slot is a pointer in the library's data, which its code may have changed since;
 * false when it is the loader's own. */
bool mapping_use_is_data(const Elf64_Rela *rela);

#endif
