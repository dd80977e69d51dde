#define _GNU_SOURCE
#include "module/mapping.h"

#include <string.h>

struct search {
    const struct link_map *map;
    struct mapping *mapping;
    bool found;
};

static int compare_entry(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *search = context;
    struct mapping *mapping = search->mapping;
    (void)size;
    if (info->dlpi_addr != search->map->l_addr) {
        return 0;
    }
    mapping->segment_count = 0;
    mapping->relro_size = 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_GNU_RELRO) {
            mapping->relro = start;
            mapping->relro_size = segment->p_memsz;
        }
        if (segment->p_type == PT_LOAD && mapping->segment_count < MAPPING_MAX_SEGMENTS) {
            mapping->segments[mapping->segment_count++] = (struct mapping_segment){
                start, segment->p_memsz, segment->p_filesz, segment->p_flags};
        }
        /* Two libraries can have the same bias (0, if prelinked): the dynamic table tells. */
        if (segment->p_type == PT_DYNAMIC && start == (uintptr_t)search->map->l_ld) {
            search->found = true;
        }
    }
    return search->found;
}

/* glibc writes addresses into the dynamic table when it is writable; musl never does. */
static const void *pointer_in(const struct mapping *mapping, uint64_t value)
{
    uint64_t address = value < mapping->bias ? value + mapping->bias : value;
    return (const void *)(uintptr_t)address;
}

static void read_dynamic(struct mapping *mapping)
{
    for (const Elf64_Dyn *entry = mapping->dynamic; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            mapping->symbols = pointer_in(mapping, entry->d_un.d_ptr);
            break;
        case DT_STRTAB:
            mapping->strings = pointer_in(mapping, entry->d_un.d_ptr);
            break;
        case DT_RELA:
            mapping->rela = pointer_in(mapping, entry->d_un.d_ptr);
            break;
        case DT_RELASZ:
            mapping->rela_count = entry->d_un.d_val / sizeof(Elf64_Rela);
            break;
        case DT_JMPREL:
            mapping->jmprel = pointer_in(mapping, entry->d_un.d_ptr);
            break;
        case DT_PLTRELSZ:
            mapping->jmprel_count = entry->d_un.d_val / sizeof(Elf64_Rela);
            break;
        default:
            break;
        }
    }
}

bool mapping_read(const struct link_map *map, struct mapping *mapping)
{
    memset(mapping, 0, sizeof *mapping);
    struct search search = {map, mapping, false};
    (void)dl_iterate_phdr(compare_entry, &search);
    if (!search.found) {
        return false;
    }
    mapping->bias = map->l_addr;
    mapping->dynamic = map->l_ld;
    read_dynamic(mapping);
    return true;
}

const struct mapping_segment *mapping_segment_of(const struct mapping *mapping, uintptr_t address,
                                                 size_t size, uint32_t flags)
{
    for (size_t i = 0; i < mapping->segment_count; i++) {
        const struct mapping_segment *segment = &mapping->segments[i];
        if (address >= segment->start && address - segment->start < segment->size &&
            size <= segment->size - (address - segment->start) &&
            (segment->flags & flags) == flags) {
            return segment;
        }
    }
    return NULL;
}

size_t mapping_span(const struct mapping *mapping)
{
    if (mapping->segment_count == 0) {
        return 0;
    }
    const struct mapping_segment *last = &mapping->segments[mapping->segment_count - 1];
    return last->start + last->size - mapping->segments[0].start;
}

#if defined(__x86_64__)
enum {
    USE_CALL = R_X86_64_JUMP_SLOT,
    USE_OFFSET_TABLE = R_X86_64_GLOB_DAT,
    USE_DATA = R_X86_64_64
};
#elif defined(__aarch64__)
enum {
    USE_CALL = R_AARCH64_JUMP_SLOT,
    USE_OFFSET_TABLE = R_AARCH64_GLOB_DAT,
    USE_DATA = R_AARCH64_ABS64
};
#else
enum { /* no such types: nothing is visited */
    USE_CALL = -1,
    USE_OFFSET_TABLE = -2,
    USE_DATA = -3
};
#endif

void mapping_each_use(const struct mapping *mapping,
                      bool (*visit)(void *context, uint32_t symbol, const uintptr_t *slot,
                                    const Elf64_Rela *rela),
                      void *context)
{
    const Elf64_Rela *const tables[] = {mapping->jmprel, mapping->rela};
    const size_t counts[] = {mapping->jmprel_count, mapping->rela_count};
    if (mapping->symbols == NULL || mapping->strings == NULL) {
        return;
    }
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; tables[t] != NULL && i < counts[t]; i++) {
            const Elf64_Rela *rela = &tables[t][i];
            uintptr_t place = mapping->bias + rela->r_offset;
            int type = (int)ELF64_R_TYPE(rela->r_info);
            if ((type == USE_CALL || type == USE_OFFSET_TABLE || type == USE_DATA) &&
                ELF64_R_SYM(rela->r_info) != 0 && place % sizeof(uintptr_t) == 0 &&
                mapping_segment_of(mapping, place, sizeof(uintptr_t), 0) != NULL &&
                !visit(context, (uint32_t)ELF64_R_SYM(rela->r_info), (const uintptr_t *)place,
                       rela)) {
                return;
            }
        }
    }
}

bool mapping_use_is_data(const Elf64_Rela *rela)
{
    return (int)ELF64_R_TYPE(rela->r_info) == USE_DATA;
}
