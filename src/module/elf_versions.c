/* Symbol versions: which version of a symbol is wanted from which library. The loader follows these
 * lists without looking, and uses the indexes in them as places in an array. */
#include "module/elf_parts.h"

#include <string.h>

/* Indexes have 15 bits, so there are no more than this many in an honest file. */
#define MOST_VERSIONS 32768

static bool bad_versions(struct elf_parts *parts)
{
    return parts->reader.failure == 0 ? elf_bad(parts, "its symbol versions make no sense") : false;
}

static bool read_at(struct elf_parts *parts, uint64_t address, void *out, size_t len)
{
    uint64_t offset;
    return elf_offset_of(parts, address, len, &offset) &&
           elf_reader_get(&parts->reader, offset, out, len);
}

static bool is_name(const struct elf_parts *parts, uint64_t offset)
{
    return offset < parts->tag[TAG_STRSZ];
}

static void raise_to(uint64_t *most, uint64_t index)
{
    if (index > *most) {
        *most = index;
    }
}

/* The loader takes it for granted that a file whose versions are wanted is a needed one, and ends
 * the process when it is not. */
static bool is_needed(struct elf_parts *parts, uint64_t file)
{
    char name[256];
    char other[sizeof name];
    if (parts->needed_count == ELF_MAX_NEEDED) {
        return true;
    }
    for (size_t i = 0; i < parts->needed_count; i++) {
        if (parts->needed[i] == file) {
            return true;
        }
    }
    if (!elf_string(parts, file, name, sizeof name)) {
        return false;
    }
    for (size_t i = 0; i < parts->needed_count; i++) {
        if (elf_string(parts, parts->needed[i], other, sizeof other) && strcmp(name, other) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_needed(struct elf_parts *parts, uint64_t *most)
{
    uint64_t address = parts->tag[TAG_VERNEED];
    uint64_t total = 0;
    for (uint64_t left = parts->tag[TAG_VERNEEDNUM]; left > 0; left--) {
        Elf64_Verneed file;
        if (!read_at(parts, address, &file, sizeof file) || file.vn_version != VER_NEED_CURRENT ||
            !is_name(parts, file.vn_file) || !is_needed(parts, file.vn_file) ||
            (file.vn_next == 0) != (left == 1) || file.vn_cnt == 0) {
            return bad_versions(parts);
        }
        uint64_t at = address + file.vn_aux;
        for (unsigned i = 0; i < file.vn_cnt; i++) {
            Elf64_Vernaux version;
            if (!read_at(parts, at, &version, sizeof version) ||
                !is_name(parts, version.vna_name) ||
                (version.vna_next == 0) != (i + 1U == file.vn_cnt) || ++total > MOST_VERSIONS) {
                return bad_versions(parts);
            }
            raise_to(most, version.vna_other & 0x7fff);
            at += version.vna_next;
        }
        address += file.vn_next;
    }
    return true;
}

static bool check_defined(struct elf_parts *parts, uint64_t *most)
{
    uint64_t address = parts->tag[TAG_VERDEF];
    uint64_t total = 0;
    for (uint64_t left = parts->tag[TAG_VERDEFNUM]; left > 0; left--) {
        Elf64_Verdef version;
        if (!read_at(parts, address, &version, sizeof version) ||
            version.vd_version != VER_DEF_CURRENT || (version.vd_next == 0) != (left == 1) ||
            version.vd_cnt == 0) {
            return bad_versions(parts);
        }
        raise_to(most, version.vd_ndx & 0x7fff);
        uint64_t at = address + version.vd_aux;
        for (unsigned i = 0; i < version.vd_cnt; i++) {
            Elf64_Verdaux name;
            if (!read_at(parts, at, &name, sizeof name) || !is_name(parts, name.vda_name) ||
                (name.vda_next == 0) != (i + 1U == version.vd_cnt) || ++total > MOST_VERSIONS) {
                return bad_versions(parts);
            }
            at += name.vda_next;
        }
        address += version.vd_next;
    }
    return true;
}

static bool check_indexes(struct elf_parts *parts, uint64_t most)
{
    uint64_t offset;
    if (!elf_offset_of(parts, parts->tag[TAG_VERSYM], parts->symbol_count * sizeof(Elf64_Half),
                       &offset)) {
        return bad_versions(parts);
    }
    for (uint64_t i = 0; i < parts->symbol_count; i++) {
        Elf64_Half index;
        if (!elf_reader_get(&parts->reader, offset + i * sizeof index, &index, sizeof index)) {
            return false;
        }
        if ((index & 0x7fff) > most) {
            return bad_versions(parts);
        }
    }
    return true;
}

bool elf_versions_check(struct elf_parts *parts)
{
    uint64_t most = VER_NDX_GLOBAL;
    if (parts->tag_set[TAG_VERNEED] != parts->tag_set[TAG_VERNEEDNUM] ||
        parts->tag_set[TAG_VERDEF] != parts->tag_set[TAG_VERDEFNUM] ||
        (parts->tag_set[TAG_VERNEED] && !parts->tag_set[TAG_VERSYM])) {
        return bad_versions(parts);
    }
    return (!parts->tag_set[TAG_VERNEED] || check_needed(parts, &most)) &&
           (!parts->tag_set[TAG_VERDEF] || check_defined(parts, &most)) &&
           (!parts->tag_set[TAG_VERSYM] || check_indexes(parts, most));
}
