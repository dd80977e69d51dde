/* The parts of a library file, each checked by a file of its own in this order: header, segments,
 * dynamic table, sections, symbols, terminal, versions, relocations. Private to the file check.
 *
 * Each step returns false with parts->err filled. A later step relies on what the earlier ones
 * showed to be true, and on nothing else. */
#ifndef MODULE_ELF_PARTS_H
#define MODULE_ELF_PARTS_H

#include "base/error.h"
#include "module/elf_file.h"
#include "module/elf_reader.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ELF_MAX_LOADS = 64,
    ELF_MAX_NEEDED = 128 /* more are allowed, and then not compared */
};

/* The entries of the dynamic table that may stand there once. */
enum elf_tag {
    TAG_STRTAB,
    TAG_STRSZ,
    TAG_SYMTAB,
    TAG_SYMENT,
    TAG_HASH,
    TAG_GNU_HASH,
    TAG_RELA,
    TAG_RELASZ,
    TAG_RELAENT,
    TAG_RELACOUNT,
    TAG_JMPREL,
    TAG_PLTRELSZ,
    TAG_PLTREL,
    TAG_PLTGOT,
    TAG_RELR,
    TAG_RELRSZ,
    TAG_RELRENT,
    TAG_INIT,
    TAG_FINI,
    TAG_INIT_ARRAY,
    TAG_INIT_ARRAYSZ,
    TAG_FINI_ARRAY,
    TAG_FINI_ARRAYSZ,
    TAG_VERSYM,
    TAG_VERNEED,
    TAG_VERNEEDNUM,
    TAG_VERDEF,
    TAG_VERDEFNUM,
    TAG_SONAME,
    TAG_RPATH,
    TAG_RUNPATH,
    TAG_FLAGS,
    TAG_FLAGS_1,
    TAG_TEXTREL,
    ELF_TAGS
};

struct elf_load { /* one PT_LOAD */
    uint64_t address, memory;
    uint64_t offset, bytes; /* in the file; bytes <= memory */
    uint32_t flags;
};

struct elf_parts {
    struct elf_reader reader;
    struct elf_facts *facts;
    struct error *err;

    Elf64_Ehdr header;
    struct elf_load loads[ELF_MAX_LOADS]; /* ascending, not overlapping */
    size_t load_count;
    size_t last_load; /* where the last address was found: most neighbours lie in the same */
    bool has_dynamic;
    uint64_t dynamic_address, dynamic_offset, dynamic_size;
    bool has_tls;
    uint64_t tls_address, tls_memory;

    bool tag_set[ELF_TAGS];
    uint64_t tag[ELF_TAGS];
    uint64_t
        strings; /* offset in the file; tag[TAG_STRSZ] bytes, the first and last of them zero */

    uint64_t needed[ELF_MAX_NEEDED]; /* names, as offsets into the strings */
    size_t needed_count;

    bool symbols_counted; /* the section table tells symbol_count */
    uint64_t symbol_count;
};

bool elf_header_check(struct elf_parts *parts);
bool elf_segments_check(struct elf_parts *parts);
bool elf_dynamic_check(struct elf_parts *parts);
bool elf_sections_check(struct elf_parts *parts);
bool elf_symbols_check(struct elf_parts *parts);
bool elf_versions_check(struct elf_parts *parts);
bool elf_relocations_check(struct elf_parts *parts);
bool elf_terminal_check(struct elf_parts *parts); /* behind the symbols: the needed libraries */

/* The segment that holds all of [address, address + size) in memory; NULL: none. */
const struct elf_load *elf_load_of(struct elf_parts *parts, uint64_t address, uint64_t size);

/* Where the bytes [address, address + size) stand in the file; false when they do not. */
bool elf_offset_of(struct elf_parts *parts, uint64_t address, uint64_t size, uint64_t *offset);

/* True when `address` is executable. */
bool elf_is_code(struct elf_parts *parts, uint64_t address);

/* Copies the begin of the string at `offset` below DT_STRSZ to `out`, terminated. False: an I/O
 * error. */
bool elf_string(struct elf_parts *parts, uint64_t offset, char *out, size_t len);

/* Each returns false. `elf_bad`: "it is damaged: ...". `elf_cut`: the file ends before `end`,
 * inside of `what`. `elf_unwritten`: zeroes where `what` should stand. The last two mark the facts
 * as incomplete. */
bool elf_bad(struct elf_parts *parts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool elf_cut(struct elf_parts *parts, const char *what, uint64_t end);
bool elf_unwritten(struct elf_parts *parts, const char *what);

/* Takes the name of an import for facts->reader. */
void elf_note_reader(struct elf_parts *parts, const char *name);

static inline bool elf_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

#endif
