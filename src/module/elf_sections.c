/* The section table. The loader does not read it, but linkers write it last and at the end of the
 * file, so it tells whether a file is whole; and it says the same as segments and dynamic table in
 * other words, so damage to either shows. A library without one (sstrip) is accepted. */
#include "module/elf_parts.h"

#include <string.h>

/* Section types that the dynamic table points at as well. `size` is ELF_TAGS where the table does
 * not tell it. */
static const struct {
    uint32_t type;
    enum elf_tag tag, size;
    const char *what;
} TWINS[] = {
    {SHT_DYNSYM, TAG_SYMTAB, ELF_TAGS, "symbols"},
    {SHT_GNU_HASH, TAG_GNU_HASH, ELF_TAGS, "hashes (DT_GNU_HASH)"},
    {SHT_HASH, TAG_HASH, ELF_TAGS, "hashes (DT_HASH)"},
    {SHT_INIT_ARRAY, TAG_INIT_ARRAY, TAG_INIT_ARRAYSZ, "constructors"},
    {SHT_FINI_ARRAY, TAG_FINI_ARRAY, TAG_FINI_ARRAYSZ, "destructors"},
    {SHT_GNU_versym, TAG_VERSYM, ELF_TAGS, "symbol versions"},
    {SHT_GNU_verneed, TAG_VERNEED, ELF_TAGS, "needed versions"},
    {SHT_GNU_verdef, TAG_VERDEF, ELF_TAGS, "defined versions"},
    {SHT_RELR, TAG_RELR, TAG_RELRSZ, "relocations (DT_RELR)"},
};

static bool check_twin(struct elf_parts *parts, const Elf64_Shdr *section)
{
    for (size_t i = 0; i < sizeof TWINS / sizeof TWINS[0]; i++) {
        if (TWINS[i].type != section->sh_type || (section->sh_flags & SHF_ALLOC) == 0) {
            continue;
        }
        if (!parts->tag_set[TWINS[i].tag] || parts->tag[TWINS[i].tag] != section->sh_addr ||
            (TWINS[i].size != ELF_TAGS && parts->tag[TWINS[i].size] != section->sh_size)) {
            return elf_bad(parts, "its section table and its dynamic table disagree about its %s",
                           TWINS[i].what);
        }
    }
    if (section->sh_type == SHT_DYNAMIC && section->sh_addr != parts->dynamic_address) {
        return elf_bad(parts,
                       "its section table and its segments disagree about its dynamic table");
    }
    if (section->sh_type == SHT_DYNSYM) {
        if (section->sh_entsize != sizeof(Elf64_Sym) || section->sh_size % sizeof(Elf64_Sym) != 0) {
            return elf_bad(parts, "its table of symbols has an odd size");
        }
        parts->symbols_counted = true;
        parts->symbol_count = section->sh_size / sizeof(Elf64_Sym);
    }
    return true;
}

static bool check_loaded(struct elf_parts *parts, const Elf64_Shdr *section)
{
    if ((section->sh_flags & SHF_TLS) != 0) {
        if (!parts->has_tls || section->sh_addr < parts->tls_address ||
            section->sh_addr - parts->tls_address > parts->tls_memory) {
            return elf_bad(parts, "a thread-local section lies outside of its segment");
        }
        if (section->sh_type == SHT_NOBITS) {
            return true;
        }
    }
    const struct elf_load *load = elf_load_of(parts, section->sh_addr, section->sh_size);
    if (load == NULL) {
        return elf_bad(parts, "a section lies outside of its segments");
    }
    uint64_t in_load = section->sh_addr - load->address;
    if (section->sh_type != SHT_NOBITS && (in_load + section->sh_size > load->bytes ||
                                           section->sh_offset != load->offset + in_load)) {
        return elf_bad(parts, "a section and its segment lie at different places of the file");
    }
    uint32_t needed = (section->sh_flags & SHF_EXECINSTR) != 0 ? PF_X : PF_R;
    if ((section->sh_flags & SHF_WRITE) != 0) {
        needed |= PF_W;
    }
    return (load->flags & needed) == needed ||
           elf_bad(parts, "a section needs more rights than its segment has");
}

/* A note of another shape is none of ours, and no fault of the file's. */
static bool note_build_id(struct elf_parts *parts, const Elf64_Shdr *section)
{
    struct elf_facts *facts = parts->facts;
    struct {
        Elf64_Nhdr head;
        char owner[4];
    } note;
    if (section->sh_type != SHT_NOTE || section->sh_size < sizeof note) {
        return true;
    }
    if (!elf_reader_get(&parts->reader, section->sh_offset, &note, sizeof note)) {
        return false;
    }
    uint64_t len = note.head.n_descsz;
    if (note.head.n_type != NT_GNU_BUILD_ID || note.head.n_namesz != sizeof note.owner ||
        memcmp(note.owner, ELF_NOTE_GNU, sizeof note.owner) != 0 || len == 0 ||
        len > sizeof facts->build_id || len > section->sh_size - sizeof note) {
        return true;
    }
    facts->build_id_len = (unsigned char)len;
    return elf_reader_get(&parts->reader, section->sh_offset + sizeof note, facts->build_id,
                          (size_t)len);
}

/* What a section's name tells. The part of its name that lies in the file was shown to be there. */
static bool note_name(struct elf_parts *parts, const Elf64_Shdr *names, const Elf64_Shdr *section)
{
    static const char *const debug[] = {".debug_info", ".zdebug_info", ".gnu_debuglink"};
    char name[sizeof ".note.gnu.build-id"] = "";
    uint64_t left = names->sh_size - section->sh_name;
    size_t len = left < sizeof name - 1 ? (size_t)left : sizeof name - 1;
    if (!elf_reader_get(&parts->reader, names->sh_offset + section->sh_name, name, len)) {
        return false;
    }
    for (size_t i = 0; i < sizeof debug / sizeof debug[0]; i++) {
        bool whole = section->sh_type != SHT_NOBITS && section->sh_size > 0;
        parts->facts->debug_info |= whole && strcmp(name, debug[i]) == 0;
    }
    return strcmp(name, ".note.gnu.build-id") != 0 || note_build_id(parts, section);
}

static bool check_section(struct elf_parts *parts, const Elf64_Shdr *names, uint64_t index)
{
    static const Elf64_Shdr nothing;
    Elf64_Shdr section;
    if (!elf_reader_get(&parts->reader, parts->header.e_shoff + index * sizeof section, &section,
                        sizeof section)) {
        return false;
    }
    if (memcmp(&section, &nothing, sizeof section) == 0) {
        return elf_unwritten(parts, "a part of its section table");
    }
    if (section.sh_type != SHT_NOBITS && section.sh_size != 0) {
        if (section.sh_offset > INT64_MAX || section.sh_size > INT64_MAX) {
            return elf_bad(parts, "a section has an impossible place in the file");
        }
        if (section.sh_offset + section.sh_size > parts->reader.size) {
            return elf_cut(parts, "its sections", section.sh_offset + section.sh_size);
        }
    }
    char first;
    if (section.sh_name >= names->sh_size) {
        return elf_bad(parts, "the name of a section lies outside of its names");
    }
    if (!elf_reader_get(&parts->reader, names->sh_offset + section.sh_name, &first, 1)) {
        return false;
    }
    if (first == '\0' && section.sh_type != SHT_NULL) {
        return elf_unwritten(parts, "the name of a section");
    }
    if (section.sh_link >= parts->header.e_shnum) {
        return elf_bad(parts, "a section refers to one that does not exist");
    }
    if (!note_name(parts, names, &section)) {
        return false;
    }
    return (section.sh_flags & SHF_ALLOC) == 0 || section.sh_size == 0 ||
           (check_loaded(parts, &section) && check_twin(parts, &section));
}

static bool read_names(struct elf_parts *parts, Elf64_Shdr *names)
{
    uint64_t offset =
        parts->header.e_shoff + parts->header.e_shstrndx * (uint64_t)sizeof(Elf64_Shdr);
    char last;
    if (!elf_reader_get(&parts->reader, offset, names, sizeof *names)) {
        return false;
    }
    if (names->sh_type == SHT_NULL || names->sh_size == 0) {
        return elf_unwritten(parts, "a part of its section table");
    }
    if (names->sh_type != SHT_STRTAB || names->sh_offset > INT64_MAX ||
        names->sh_size > INT64_MAX) {
        return elf_bad(parts, "its section names are no table of strings");
    }
    uint64_t end = names->sh_offset + names->sh_size;
    if (end > parts->reader.size) {
        return elf_cut(parts, "its section names", end);
    }
    return elf_reader_get(&parts->reader, end - 1, &last, 1) &&
           (last == '\0' || elf_bad(parts, "its section names have no end"));
}

bool elf_sections_check(struct elf_parts *parts)
{
    const Elf64_Ehdr *header = &parts->header;
    if (header->e_shoff == 0 && header->e_shnum == 0) {
        return true;
    }
    if (header->e_shoff == 0 || header->e_shnum == 0 || header->e_shoff > INT64_MAX ||
        header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shstrndx == SHN_UNDEF ||
        header->e_shstrndx >= header->e_shnum) {
        return elf_bad(parts, "its ELF header describes no section table");
    }
    uint64_t end = header->e_shoff + (uint64_t)header->e_shnum * sizeof(Elf64_Shdr);
    if (end > parts->reader.size) {
        return elf_cut(parts, "its section table", end);
    }
    Elf64_Shdr names;
    if (!read_names(parts, &names)) {
        return false;
    }
    for (uint64_t i = 1; i < header->e_shnum; i++) {
        if (!check_section(parts, &names, i)) {
            return false;
        }
    }
    return true;
}
