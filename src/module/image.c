#define _GNU_SOURCE
#include "module/image.h"

#include <string.h>

struct search {
    const struct link_map *map;
    struct image *image;
    bool found;
};

static int compare_entry(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *search = context;
    struct image *image = search->image;
    (void)size;
    if (info->dlpi_addr != search->map->l_addr) {
        return 0;
    }
    image->segment_count = 0;
    image->relro_size = 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_GNU_RELRO) {
            image->relro = start;
            image->relro_size = segment->p_memsz;
        }
        if (segment->p_type == PT_LOAD && image->segment_count < IMAGE_MAX_SEGMENTS) {
            image->segments[image->segment_count++] = (struct image_segment){
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
static const void *pointer_in(const struct image *image, uint64_t value)
{
    uint64_t address = value < image->bias ? value + image->bias : value;
    return (const void *)(uintptr_t)address;
}

static void read_dynamic(struct image *image)
{
    for (const Elf64_Dyn *entry = image->dynamic; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            image->symbols = pointer_in(image, entry->d_un.d_ptr);
            break;
        case DT_STRTAB:
            image->strings = pointer_in(image, entry->d_un.d_ptr);
            break;
        case DT_RELA:
            image->rela = pointer_in(image, entry->d_un.d_ptr);
            break;
        case DT_RELASZ:
            image->rela_count = entry->d_un.d_val / sizeof(Elf64_Rela);
            break;
        case DT_JMPREL:
            image->jmprel = pointer_in(image, entry->d_un.d_ptr);
            break;
        case DT_PLTRELSZ:
            image->jmprel_count = entry->d_un.d_val / sizeof(Elf64_Rela);
            break;
        default:
            break;
        }
    }
}

bool image_read(const struct link_map *map, struct image *image)
{
    memset(image, 0, sizeof *image);
    struct search search = {map, image, false};
    (void)dl_iterate_phdr(compare_entry, &search);
    if (!search.found) {
        return false;
    }
    image->bias = map->l_addr;
    image->dynamic = map->l_ld;
    read_dynamic(image);
    return true;
}

const struct image_segment *image_segment_of(const struct image *image, uintptr_t address,
                                             size_t size, uint32_t flags)
{
    for (size_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segments[i];
        if (address >= segment->start && address - segment->start < segment->size &&
            size <= segment->size - (address - segment->start) &&
            (segment->flags & flags) == flags) {
            return segment;
        }
    }
    return NULL;
}

size_t image_span(const struct image *image)
{
    if (image->segment_count == 0) {
        return 0;
    }
    const struct image_segment *last = &image->segments[image->segment_count - 1];
    return last->start + last->size - image->segments[0].start;
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

void image_each_use(const struct image *image,
                    bool (*visit)(void *context, uint32_t symbol, const uintptr_t *slot,
                                  const Elf64_Rela *rela),
                    void *context)
{
    const Elf64_Rela *const tables[] = {image->jmprel, image->rela};
    const size_t counts[] = {image->jmprel_count, image->rela_count};
    if (image->symbols == NULL || image->strings == NULL) {
        return;
    }
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; tables[t] != NULL && i < counts[t]; i++) {
            const Elf64_Rela *rela = &tables[t][i];
            uintptr_t place = image->bias + rela->r_offset;
            int type = (int)ELF64_R_TYPE(rela->r_info);
            if ((type == USE_CALL || type == USE_OFFSET_TABLE || type == USE_DATA) &&
                ELF64_R_SYM(rela->r_info) != 0 && place % sizeof(uintptr_t) == 0 &&
                image_segment_of(image, place, sizeof(uintptr_t), 0) != NULL &&
                !visit(context, (uint32_t)ELF64_R_SYM(rela->r_info), (const uintptr_t *)place,
                       rela)) {
                return;
            }
        }
    }
}

bool image_use_is_data(const Elf64_Rela *rela)
{
    return (int)ELF64_R_TYPE(rela->r_info) == USE_DATA;
}
