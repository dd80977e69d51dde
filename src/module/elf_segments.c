/* The program headers: what of the file goes where in memory. */
#define _GNU_SOURCE
#include "module/elf_parts.h"

#include <unistd.h>

/* Where segments are rounded to on the machine with the largest pages. */
#define LARGEST_PAGE UINT64_C(0x10000)
/* More address space than a process has; keeps every sum below from wrapping. */
#define LARGEST_ADDRESS (UINT64_C(1) << 47)

const struct elf_load *elf_load_of(struct elf_parts *parts, uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < parts->load_count; i++) {
        size_t at = i == 0 ? parts->last_load : i <= parts->last_load ? i - 1 : i;
        const struct elf_load *load = &parts->loads[at];
        if (address >= load->address && address - load->address <= load->memory &&
            size <= load->memory - (address - load->address)) {
            if (address - load->address < load->memory) {
                parts->last_load = at;
            }
            return load;
        }
    }
    return NULL;
}

bool elf_offset_of(struct elf_parts *parts, uint64_t address, uint64_t size, uint64_t *offset)
{
    const struct elf_load *load = elf_load_of(parts, address, size);
    if (load == NULL || address - load->address + size > load->bytes) {
        return false;
    }
    *offset = load->offset + (address - load->address);
    return true;
}

bool elf_is_code(struct elf_parts *parts, uint64_t address)
{
    const struct elf_load *load = elf_load_of(parts, address, 1);
    return load != NULL && (load->flags & PF_X) != 0;
}

static bool add_load(struct elf_parts *parts, const Elf64_Phdr *segment)
{
    if (segment->p_filesz > segment->p_memsz) {
        return elf_bad(parts, "a segment is larger in the file than in memory");
    }
    if (segment->p_vaddr >= LARGEST_ADDRESS || segment->p_memsz >= LARGEST_ADDRESS) {
        return elf_bad(parts, "a segment has an impossible address or size");
    }
    /* What dlopen asks for as well: whole pages of the file become whole pages of memory. */
    if (!elf_power_of_two(segment->p_align) || segment->p_align < (uint64_t)sysconf(_SC_PAGESIZE) ||
        ((segment->p_vaddr - segment->p_offset) & (segment->p_align - 1)) != 0) {
        return elf_bad(parts, "a segment is not aligned to pages");
    }
    if ((segment->p_flags & ~(uint32_t)(PF_R | PF_W | PF_X)) != 0) {
        return elf_bad(parts, "a segment has unknown flags");
    }
    if (parts->load_count == ELF_MAX_LOADS) {
        return elf_bad(parts, "it has more than %d segments to load", ELF_MAX_LOADS);
    }
    if (parts->load_count > 0) {
        const struct elf_load *before = &parts->loads[parts->load_count - 1];
        if (segment->p_vaddr < before->address + before->memory) {
            return elf_bad(parts, "its segments overlap or are not in order");
        }
    }
    parts->loads[parts->load_count++] = (struct elf_load){
        segment->p_vaddr, segment->p_memsz, segment->p_offset, segment->p_filesz, segment->p_flags};
    return true;
}

static bool note_segment(struct elf_parts *parts, const Elf64_Phdr *segment)
{
    switch (segment->p_type) {
    case PT_LOAD:
        return add_load(parts, segment);
    case PT_INTERP:
        return error_set(parts->err, ERROR_FORMAT,
                         "it is an executable (PIE), not a shared library (link with -shared)");
    case PT_DYNAMIC:
        if (parts->has_dynamic) {
            return elf_bad(parts, "it has two dynamic tables");
        }
        parts->has_dynamic = true;
        parts->dynamic_address = segment->p_vaddr;
        parts->dynamic_offset = segment->p_offset;
        parts->dynamic_size = segment->p_filesz;
        return true;
    case PT_TLS:
        if (parts->has_tls || segment->p_filesz > segment->p_memsz ||
            segment->p_memsz >= LARGEST_ADDRESS || segment->p_align > LARGEST_PAGE * 16 ||
            (segment->p_align != 0 && !elf_power_of_two(segment->p_align))) {
            return elf_bad(parts, "its thread-local segment makes no sense");
        }
        parts->has_tls = true;
        parts->tls_address = segment->p_vaddr;
        parts->tls_memory = segment->p_memsz;
        return true;
    default:
        return (segment->p_type <= PT_PHDR && segment->p_type != PT_SHLIB) ||
               segment->p_type >= PT_LOOS || elf_bad(parts, "a segment has an unknown type");
    }
}

/* What becomes read-only after relocation is given in bytes and applied to whole pages: it may
 * begin in the gap before its segment (mold) and end in the one behind it (lld). */
static bool check_relro(struct elf_parts *parts, const Elf64_Phdr *segment)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (segment->p_vaddr < LARGEST_ADDRESS && segment->p_memsz < LARGEST_ADDRESS) {
        for (size_t i = 0; i < parts->load_count; i++) {
            const struct elf_load *load = &parts->loads[i];
            uint64_t end = load->address + load->memory;
            if (segment->p_vaddr / page >= load->address / page && segment->p_vaddr < end &&
                segment->p_vaddr + segment->p_memsz <=
                    (end + LARGEST_PAGE - 1) / LARGEST_PAGE * LARGEST_PAGE) {
                return true;
            }
        }
    }
    return elf_bad(parts, "its read-only data (PT_GNU_RELRO) lies outside of what is loaded");
}

/* Segments that describe a part of a loaded one. */
static bool check_part(struct elf_parts *parts, const Elf64_Phdr *segment)
{
    uint64_t offset = 0;
    switch (segment->p_type) {
    case PT_DYNAMIC:
    case PT_NOTE:
    case PT_PHDR:
    case PT_TLS:
    case PT_GNU_EH_FRAME:
    case PT_GNU_PROPERTY:
        if (segment->p_filesz != 0 &&
            (!elf_offset_of(parts, segment->p_vaddr, segment->p_filesz, &offset) ||
             offset != segment->p_offset)) {
            /* A note that is not for run time has no address. */
            return (segment->p_type == PT_NOTE && segment->p_vaddr == 0) ||
                   elf_bad(parts, "segments of type %#x lie outside of what is loaded",
                           segment->p_type);
        }
        return true;
    case PT_GNU_RELRO:
        return check_relro(parts, segment);
    default:
        return true;
    }
}

static bool each_segment(struct elf_parts *parts,
                         bool (*visit)(struct elf_parts *, const Elf64_Phdr *))
{
    for (uint64_t i = 0; i < parts->header.e_phnum; i++) {
        Elf64_Phdr segment;
        if (!elf_reader_get(&parts->reader, parts->header.e_phoff + i * sizeof segment, &segment,
                            sizeof segment) ||
            !visit(parts, &segment)) {
            return false;
        }
    }
    return true;
}

static bool check_in_file(struct elf_parts *parts, const Elf64_Phdr *segment)
{
    if (segment->p_type == PT_NULL || segment->p_filesz == 0) {
        return true;
    }
    if (segment->p_offset > INT64_MAX || segment->p_filesz > INT64_MAX) {
        return elf_bad(parts, "a segment has an impossible place in the file");
    }
    uint64_t end = segment->p_offset + segment->p_filesz;
    return end <= parts->reader.size || elf_cut(parts, "its segments", end);
}

bool elf_segments_check(struct elf_parts *parts)
{
    const Elf64_Ehdr *header = &parts->header;
    if (header->e_phoff == 0 && header->e_phnum == 0) {
        return elf_unwritten(parts, "its table of segments");
    }
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
        header->e_phnum == PN_XNUM || header->e_phoff % 8 != 0 || header->e_phoff > INT64_MAX) {
        return elf_bad(parts, "its ELF header describes no table of segments");
    }
    uint64_t end = header->e_phoff + (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
    if (end > parts->reader.size) {
        return elf_cut(parts, "its table of segments", end);
    }
    if (!each_segment(parts, note_segment) || !each_segment(parts, check_in_file) ||
        !each_segment(parts, check_part)) {
        return false;
    }
    if (parts->load_count == 0) {
        return elf_bad(parts, "none of its segments is loaded");
    }
    return parts->dynamic_size != 0 ||
           error_set(parts->err, ERROR_FORMAT,
                     "it has no dynamic table: it is not a shared library, or holds only debug "
                     "information (link with -shared)");
}
