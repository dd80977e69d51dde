/* The dynamic table: what the loader reads first, and trusts. */
#include "module/elf_parts.h"

#include <string.h>

static const struct {
    int64_t number;
    enum elf_tag tag;
} TAGS[] = {
    {DT_STRTAB, TAG_STRTAB},
    {DT_STRSZ, TAG_STRSZ},
    {DT_SYMTAB, TAG_SYMTAB},
    {DT_SYMENT, TAG_SYMENT},
    {DT_HASH, TAG_HASH},
    {DT_GNU_HASH, TAG_GNU_HASH},
    {DT_RELA, TAG_RELA},
    {DT_RELASZ, TAG_RELASZ},
    {DT_RELAENT, TAG_RELAENT},
    {DT_RELACOUNT, TAG_RELACOUNT},
    {DT_JMPREL, TAG_JMPREL},
    {DT_PLTRELSZ, TAG_PLTRELSZ},
    {DT_PLTREL, TAG_PLTREL},
    {DT_PLTGOT, TAG_PLTGOT},
    {DT_RELR, TAG_RELR},
    {DT_RELRSZ, TAG_RELRSZ},
    {DT_RELRENT, TAG_RELRENT},
    {DT_INIT, TAG_INIT},
    {DT_FINI, TAG_FINI},
    {DT_INIT_ARRAY, TAG_INIT_ARRAY},
    {DT_INIT_ARRAYSZ, TAG_INIT_ARRAYSZ},
    {DT_FINI_ARRAY, TAG_FINI_ARRAY},
    {DT_FINI_ARRAYSZ, TAG_FINI_ARRAYSZ},
    {DT_VERSYM, TAG_VERSYM},
    {DT_VERNEED, TAG_VERNEED},
    {DT_VERNEEDNUM, TAG_VERNEEDNUM},
    {DT_VERDEF, TAG_VERDEF},
    {DT_VERDEFNUM, TAG_VERDEFNUM},
    {DT_SONAME, TAG_SONAME},
    {DT_RPATH, TAG_RPATH},
    {DT_RUNPATH, TAG_RUNPATH},
    {DT_FLAGS, TAG_FLAGS},
    {DT_FLAGS_1, TAG_FLAGS_1},
    {DT_TEXTREL, TAG_TEXTREL},
};

/* Entries that say nothing that a load depends on. */
static const int64_t HARMLESS[] = {DT_SYMBOLIC, DT_DEBUG, DT_BIND_NOW};

/* What may stand in a table whose `tag` is set: its size in bytes is in `size` and a multiple of
 * `unit`, its bytes are in the file. */
static const struct {
    enum elf_tag tag, size;
    uint64_t unit;
    const char *what;
} TABLES[] = {
    {TAG_STRTAB, TAG_STRSZ, 1, "strings (DT_STRTAB)"},
    {TAG_RELA, TAG_RELASZ, sizeof(Elf64_Rela), "relocations (DT_RELA)"},
    {TAG_JMPREL, TAG_PLTRELSZ, sizeof(Elf64_Rela), "relocations (DT_JMPREL)"},
    {TAG_RELR, TAG_RELRSZ, sizeof(Elf64_Relr), "relocations (DT_RELR)"},
    {TAG_INIT_ARRAY, TAG_INIT_ARRAYSZ, 8, "constructors (DT_INIT_ARRAY)"},
    {TAG_FINI_ARRAY, TAG_FINI_ARRAYSZ, 8, "destructors (DT_FINI_ARRAY)"},
};

static const struct {
    enum elf_tag tag;
    uint64_t value;
    const char *name;
} FIXED[] = {
    {TAG_SYMENT, sizeof(Elf64_Sym), "DT_SYMENT"},
    {TAG_RELAENT, sizeof(Elf64_Rela), "DT_RELAENT"},
    {TAG_RELRENT, sizeof(Elf64_Relr), "DT_RELRENT"},
    {TAG_PLTREL, DT_RELA, "DT_PLTREL"},
};

static const uint64_t KNOWN_FLAGS =
    DF_ORIGIN | DF_SYMBOLIC | DF_TEXTREL | DF_BIND_NOW | DF_STATIC_TLS;

static bool note_entry(struct elf_parts *parts, const Elf64_Dyn *entry)
{
    for (size_t i = 0; i < sizeof TAGS / sizeof TAGS[0]; i++) {
        if (TAGS[i].number == entry->d_tag) {
            if (parts->tag_set[TAGS[i].tag]) {
                return elf_bad(parts, "entry %lld stands twice in its dynamic table",
                               (long long)entry->d_tag);
            }
            parts->tag_set[TAGS[i].tag] = true;
            parts->tag[TAGS[i].tag] = entry->d_un.d_val;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof HARMLESS / sizeof HARMLESS[0]; i++) {
        if (HARMLESS[i] == entry->d_tag) {
            return true;
        }
    }
    return entry->d_tag == DT_NEEDED || (entry->d_tag >= DT_LOOS && entry->d_tag <= DT_HIPROC) ||
           elf_bad(parts, "entry %lld of its dynamic table has an unknown meaning",
                   (long long)entry->d_tag);
}

static bool read_entries(struct elf_parts *parts,
                         bool (*visit)(struct elf_parts *, const Elf64_Dyn *))
{
    for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= parts->dynamic_size; at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        if (!elf_reader_get(&parts->reader, parts->dynamic_offset + at, &entry, sizeof entry)) {
            return false;
        }
        if (entry.d_tag == DT_NULL) {
            return at != 0 || elf_unwritten(parts, "its dynamic table");
        }
        if (!visit(parts, &entry)) {
            return false;
        }
    }
    return elf_bad(parts, "its dynamic table has no end");
}

static bool check_fixed(struct elf_parts *parts)
{
    for (size_t i = 0; i < sizeof FIXED / sizeof FIXED[0]; i++) {
        if (parts->tag_set[FIXED[i].tag] && parts->tag[FIXED[i].tag] != FIXED[i].value) {
            return elf_bad(parts, "%s is %llu, not %llu", FIXED[i].name,
                           (unsigned long long)parts->tag[FIXED[i].tag],
                           (unsigned long long)FIXED[i].value);
        }
    }
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        uint64_t offset;
        if (parts->tag_set[TABLES[i].tag] != parts->tag_set[TABLES[i].size]) {
            return elf_bad(parts, "its table of %s has no place or no size", TABLES[i].what);
        }
        if (!parts->tag_set[TABLES[i].tag]) {
            continue;
        }
        uint64_t size = parts->tag[TABLES[i].size];
        if (size % TABLES[i].unit != 0 ||
            (size != 0 && !elf_offset_of(parts, parts->tag[TABLES[i].tag], size, &offset))) {
            return elf_bad(parts, "its table of %s lies outside of its segments", TABLES[i].what);
        }
    }
    if (!parts->tag_set[TAG_STRTAB] || !parts->tag_set[TAG_SYMTAB]) {
        return elf_bad(parts, "its dynamic table names no symbols or no strings");
    }
    if (parts->tag_set[TAG_RELA] && !parts->tag_set[TAG_RELAENT]) {
        return elf_bad(parts, "its dynamic table has DT_RELA without DT_RELAENT");
    }
    if (parts->tag_set[TAG_JMPREL] && !parts->tag_set[TAG_PLTREL]) {
        return elf_bad(parts, "its dynamic table has DT_JMPREL without DT_PLTREL");
    }
    return true;
}

static bool check_code(struct elf_parts *parts)
{
    static const struct {
        enum elf_tag tag;
        const char *name;
    } FUNCTIONS[] = {{TAG_INIT, "DT_INIT"}, {TAG_FINI, "DT_FINI"}};
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof FUNCTIONS[0]; i++) {
        if (parts->tag_set[FUNCTIONS[i].tag] && !elf_is_code(parts, parts->tag[FUNCTIONS[i].tag])) {
            return elf_bad(parts, "%s does not point to code", FUNCTIONS[i].name);
        }
    }
    return !parts->tag_set[TAG_PLTGOT] || elf_load_of(parts, parts->tag[TAG_PLTGOT], 0) != NULL ||
           elf_bad(parts, "DT_PLTGOT lies outside of its segments");
}

/* A first and a last zero make every offset below DT_STRSZ the start of a terminated string. */
static bool check_strings(struct elf_parts *parts)
{
    char first = 1;
    char last = 1;
    uint64_t size = parts->tag[TAG_STRSZ];
    if (size == 0 || !elf_offset_of(parts, parts->tag[TAG_STRTAB], size, &parts->strings) ||
        !elf_reader_get(&parts->reader, parts->strings, &first, 1) ||
        !elf_reader_get(&parts->reader, parts->strings + size - 1, &last, 1) || first != '\0' ||
        last != '\0') {
        return elf_bad(parts, "its table of strings has no begin or no end");
    }
    return true;
}

bool elf_string(struct elf_parts *parts, uint64_t offset, char *out, size_t len)
{
    uint64_t left = parts->tag[TAG_STRSZ] - offset;
    memset(out, 0, len);
    return elf_reader_get(&parts->reader, parts->strings + offset, out,
                          left < len - 1 ? (size_t)left : len - 1);
}

static bool check_name(struct elf_parts *parts, const Elf64_Dyn *entry)
{
    switch (entry->d_tag) {
    case DT_NEEDED:
    case DT_SONAME:
    case DT_RPATH:
    case DT_RUNPATH:
        break;
    default:
        return true;
    }
    char start[16];
    if (entry->d_un.d_val >= parts->tag[TAG_STRSZ]) {
        return elf_bad(parts, "a name in its dynamic table lies outside of its strings");
    }
    if (!elf_string(parts, entry->d_un.d_val, start, sizeof start)) {
        return false;
    }
    if (entry->d_tag == DT_NEEDED && start[0] == '\0') {
        return elf_unwritten(parts, "the name of a library that it needs");
    }
    if (entry->d_tag == DT_NEEDED && parts->needed_count < ELF_MAX_NEEDED) {
        parts->needed[parts->needed_count++] = entry->d_un.d_val;
    }
    /* gcc names the sanitizer's library here; clang expects it in the program. */
    static const char *const RUNTIMES[] = {"libasan.",  "libtsan.",   "liblsan.",
                                           "libubsan.", "libhwasan.", "libclang_rt."};
    for (size_t i = 0; i < sizeof RUNTIMES / sizeof RUNTIMES[0]; i++) {
        if (entry->d_tag == DT_NEEDED && strncmp(start, RUNTIMES[i], strlen(RUNTIMES[i])) == 0) {
            parts->facts->sanitizer_linked = true;
        }
    }
    /* Code for LSan imports nothing of it: only its library tells. */
    if (entry->d_tag == DT_NEEDED && strncmp(start, "liblsan.", 8) == 0) {
        parts->facts->sanitizer = true;
        strcpy(parts->facts->sanitizer_symbol, "__lsan_init");
    }
    return true;
}

static bool check_flags(struct elf_parts *parts)
{
    uint64_t flags_1 = parts->tag[TAG_FLAGS_1];
    if ((flags_1 & DF_1_PIE) != 0) {
        return error_set(parts->err, ERROR_FORMAT,
                         "it is an executable (PIE), not a shared library (link with -shared)");
    }
    if ((flags_1 & DF_1_NOOPEN) != 0) {
        return error_set(parts->err, ERROR_FORMAT,
                         "it forbids dlopen: link it without -z nodlopen");
    }
    parts->facts->nodelete = (flags_1 & DF_1_NODELETE) != 0;
    return (parts->tag[TAG_FLAGS] & ~KNOWN_FLAGS) == 0 ||
           elf_bad(parts, "DT_FLAGS has unknown bits");
}

bool elf_dynamic_check(struct elf_parts *parts)
{
    return read_entries(parts, note_entry) && check_fixed(parts) && check_code(parts) &&
           check_strings(parts) && read_entries(parts, check_name) && check_flags(parts);
}
