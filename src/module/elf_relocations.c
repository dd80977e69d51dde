/* Relocations: where the loader writes into the library, and which functions it runs first. */
#include "module/elf_parts.h"

enum reloc_kind {
    RELOC_UNKNOWN,
    RELOC_NONE,
    RELOC_RELATIVE, /* base + addend */
    RELOC_RESOLVER, /* what the function at base + addend returns */
    RELOC_SYMBOL    /* a symbol's address, or something of a thread-local one */
};

static enum reloc_kind kind_of(uint32_t type)
{
#if defined(__x86_64__)
    switch (type) {
    case R_X86_64_NONE:
        return RELOC_NONE;
    case R_X86_64_RELATIVE:
        return RELOC_RELATIVE;
    case R_X86_64_IRELATIVE:
        return RELOC_RESOLVER;
    case R_X86_64_64:
    case R_X86_64_PC32:
    case R_X86_64_PC64:
    case R_X86_64_32:
    case R_X86_64_COPY:
    case R_X86_64_GLOB_DAT:
    case R_X86_64_JUMP_SLOT:
    case R_X86_64_DTPMOD64:
    case R_X86_64_DTPOFF64:
    case R_X86_64_TPOFF64:
    case R_X86_64_TLSDESC:
    case R_X86_64_SIZE32:
    case R_X86_64_SIZE64:
        return RELOC_SYMBOL;
    default:
        return RELOC_UNKNOWN;
    }
#elif defined(__aarch64__)
    switch (type) {
    case R_AARCH64_NONE:
        return RELOC_NONE;
    case R_AARCH64_RELATIVE:
        return RELOC_RELATIVE;
    case R_AARCH64_IRELATIVE:
        return RELOC_RESOLVER;
    case R_AARCH64_ABS64:
    case R_AARCH64_ABS32:
    case R_AARCH64_COPY:
    case R_AARCH64_GLOB_DAT:
    case R_AARCH64_JUMP_SLOT:
    case R_AARCH64_TLS_DTPMOD:
    case R_AARCH64_TLS_DTPREL:
    case R_AARCH64_TLS_TPREL:
    case R_AARCH64_TLSDESC:
        return RELOC_SYMBOL;
    default:
        return RELOC_UNKNOWN;
    }
#else
    (void)type;
    return RELOC_SYMBOL;
#endif
}

struct visit {
    struct elf_parts *parts;
    bool text;       /* DT_TEXTREL: it may write where it is read-only otherwise */
    uint64_t starts; /* entries of DT_INIT_ARRAY and DT_FINI_ARRAY that were seen to be filled */
};

static bool in_array(const struct elf_parts *parts, uint64_t address)
{
    static const enum elf_tag ARRAYS[][2] = {{TAG_INIT_ARRAY, TAG_INIT_ARRAYSZ},
                                             {TAG_FINI_ARRAY, TAG_FINI_ARRAYSZ}};
    for (size_t i = 0; i < sizeof ARRAYS / sizeof ARRAYS[0]; i++) {
        uint64_t inside = address - parts->tag[ARRAYS[i][0]];
        if (parts->tag_set[ARRAYS[i][0]] && inside < parts->tag[ARRAYS[i][1]] && inside % 8 == 0) {
            return true;
        }
    }
    return false;
}

static bool check_place(struct visit *visit, uint64_t address, uint64_t size)
{
    const struct elf_load *load = elf_load_of(visit->parts, address, size);
    return (load != NULL && ((load->flags & PF_W) != 0 || visit->text)) ||
           elf_bad(visit->parts, "a relocation would write outside of its data");
}

static bool check_start(struct visit *visit, uint64_t address, uint64_t function)
{
    if (!in_array(visit->parts, address)) {
        return true;
    }
    visit->starts++;
    return elf_is_code(visit->parts, function) ||
           elf_bad(visit->parts, "one of its constructors or destructors is not code");
}

static bool check_rela(struct visit *visit, const Elf64_Rela *rela, bool relative_only)
{
    struct elf_parts *parts = visit->parts;
    enum reloc_kind kind = kind_of((uint32_t)ELF64_R_TYPE(rela->r_info));
    if (kind == RELOC_NONE && !relative_only) {
        return true;
    }
    if (kind == RELOC_UNKNOWN || (relative_only && kind != RELOC_RELATIVE)) {
        return elf_bad(parts, "it has a relocation of an unexpected type (%u)",
                       (unsigned)ELF64_R_TYPE(rela->r_info));
    }
    /* With DT_TEXTREL the places are parts of instructions, 4 bytes or 8. */
    if (!check_place(visit, rela->r_offset, visit->text ? 4 : 8)) {
        return false;
    }
    switch (kind) {
    case RELOC_RELATIVE:
        return check_start(visit, rela->r_offset, (uint64_t)rela->r_addend);
    case RELOC_RESOLVER:
        return elf_is_code(parts, (uint64_t)rela->r_addend) ||
               elf_bad(parts, "the resolver of a function is not code");
    default:
        visit->starts += in_array(parts, rela->r_offset);
        return ELF64_R_SYM(rela->r_info) < parts->symbol_count ||
               elf_bad(parts, "a relocation refers to a symbol that does not exist");
    }
}

static bool check_table(struct visit *visit, enum elf_tag tag, enum elf_tag bytes,
                        uint64_t relative)
{
    struct elf_parts *parts = visit->parts;
    uint64_t count = parts->tag[bytes] / sizeof(Elf64_Rela);
    uint64_t offset;
    if (!parts->tag_set[tag] || count == 0) {
        return relative == 0 || elf_bad(parts, "DT_RELACOUNT is larger than DT_RELA");
    }
    if (!elf_offset_of(parts, parts->tag[tag], parts->tag[bytes], &offset)) {
        return elf_bad(parts, "its relocations lie outside of its segments");
    }
    /* The loader takes the first DT_RELACOUNT ones for relative, whatever they say. */
    if (relative > count) {
        return elf_bad(parts, "DT_RELACOUNT is larger than DT_RELA");
    }
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Rela rela;
        if (!elf_reader_get(&parts->reader, offset + i * sizeof rela, &rela, sizeof rela) ||
            !check_rela(visit, &rela, i < relative)) {
            return false;
        }
    }
    return true;
}

static bool check_packed_place(struct visit *visit, uint64_t address)
{
    struct elf_parts *parts = visit->parts;
    if (!check_place(visit, address, sizeof(uint64_t))) {
        return false;
    }
    if (!in_array(parts, address)) {
        return true;
    }
    uint64_t offset;
    uint64_t function = 0;
    if (elf_offset_of(parts, address, sizeof function, &offset) &&
        !elf_reader_get(&parts->reader, offset, &function, sizeof function)) {
        return false;
    }
    return check_start(visit, address, function);
}

/* DT_RELR: an even word is an address, an odd one a bitmap of the 63 words behind it. */
static bool check_packed(struct visit *visit)
{
    struct elf_parts *parts = visit->parts;
    uint64_t count = parts->tag[TAG_RELRSZ] / sizeof(Elf64_Relr);
    uint64_t offset;
    uint64_t next = 0;
    if (!parts->tag_set[TAG_RELR] || count == 0) {
        return true;
    }
    if (!elf_offset_of(parts, parts->tag[TAG_RELR], parts->tag[TAG_RELRSZ], &offset)) {
        return elf_bad(parts, "its relocations lie outside of its segments");
    }
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Relr word;
        if (!elf_reader_get(&parts->reader, offset + i * sizeof word, &word, sizeof word)) {
            return false;
        }
        if ((word & 1) == 0) {
            if (!check_packed_place(visit, word)) {
                return false;
            }
            next = word + 8;
            continue;
        }
        for (uint64_t bits = word >> 1, at = next; bits != 0; bits >>= 1, at += 8) {
            if ((bits & 1) != 0 && !check_packed_place(visit, at)) {
                return false;
            }
        }
        next += UINT64_C(63) * 8;
    }
    return true;
}

bool elf_relocations_check(struct elf_parts *parts)
{
    struct visit visit = {.parts = parts,
                          .text = parts->tag_set[TAG_TEXTREL] ||
                                  (parts->tag[TAG_FLAGS] & DF_TEXTREL) != 0};
    if (!check_table(&visit, TAG_RELA, TAG_RELASZ, parts->tag[TAG_RELACOUNT]) ||
        !check_table(&visit, TAG_JMPREL, TAG_PLTRELSZ, 0) || !check_packed(&visit)) {
        return false;
    }
    /* An entry that nothing relocates is an offset that would be called as an address. */
    uint64_t expected = (parts->tag[TAG_INIT_ARRAYSZ] + parts->tag[TAG_FINI_ARRAYSZ]) / 8;
    return visit.starts >= expected || kind_of(0) == RELOC_SYMBOL ||
           elf_bad(parts, "some of its constructors or destructors are not relocated");
}
