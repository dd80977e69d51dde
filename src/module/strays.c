/* Symbols that a library defines but does not get itself, because somebody loaded before it exports
 * the same name. */
#define _GNU_SOURCE
#include "module/library_parts.h"

#include "base/array.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_SENTENCES = 8
};

struct stray {
    uint32_t symbol;
    uintptr_t target;
};

struct hunt {
    const struct mapping *mapping;
    struct stray *found; /* owned by the hunt */
    size_t count, room;
};

/* A slot in ordinary data may have been written to since. There, only an address that bears the
 * symbol's own name elsewhere proves that the loader put it in. */
static bool is_certain(const struct hunt *hunt, const uintptr_t *slot, const Elf64_Rela *rela,
                       const char *name)
{
    uintptr_t place = (uintptr_t)slot;
    Dl_info info;
    return !mapping_use_is_data(rela) || place - hunt->mapping->relro < hunt->mapping->relro_size ||
           (dladdr((const void *)*slot, &info) != 0 && info.dli_sname != NULL &&
            strcmp(info.dli_sname, name) == 0);
}

static bool note_stray(struct hunt *hunt, uint32_t symbol, uintptr_t target)
{
    if (!array_reserve(&hunt->found, &hunt->room, hunt->count + 1, sizeof *hunt->found)) {
        return false;
    }
    hunt->found[hunt->count++] = (struct stray){symbol, target};
    return true;
}

static bool check_use(void *context, uint32_t symbol, const uintptr_t *slot, const Elf64_Rela *rela)
{
    struct hunt *hunt = context;
    const Elf64_Sym *entry = &hunt->mapping->symbols[symbol];
    if (entry->st_shndx == SHN_UNDEF || ELF64_ST_BIND(entry->st_info) != STB_GLOBAL ||
        mapping_segment_of(hunt->mapping, *slot - (uintptr_t)rela->r_addend, 1, 0) != NULL) {
        return true;
    }
    if (*slot == hunt->mapping->bias + entry->st_value + (uintptr_t)rela->r_addend ||
        !is_certain(hunt, slot, rela, hunt->mapping->strings + entry->st_name)) {
        return true;
    }
    return note_stray(hunt, symbol, *slot);
}

static int by_symbol(const void *left, const void *right)
{
    const struct stray *a = left;
    const struct stray *b = right;
    return (a->symbol > b->symbol) - (a->symbol < b->symbol);
}

size_t library_strays(const struct library *library, struct text *out)
{
    struct hunt hunt = {.mapping = &library->mapping};
    size_t total = 0;
    mapping_each_use(&library->mapping, check_use, &hunt);
    if (hunt.count > 0) {
        qsort(hunt.found, hunt.count, sizeof hunt.found[0], by_symbol);
    }
    for (size_t i = 0; i < hunt.count; i++) {
        if (i > 0 && hunt.found[i].symbol == hunt.found[i - 1].symbol) {
            continue;
        }
        total++;
        if (total > MOST_SENTENCES) {
            continue;
        }
        const Elf64_Sym *entry = &library->mapping.symbols[hunt.found[i].symbol];
        char owner[256];
        (void)library_owner((const void *)hunt.found[i].target, owner, sizeof owner);
        (void)text_printf(out,
                          "%s%s is defined in %s, but its uses there are bound to %s: make it "
                          "static, or compile with -fvisibility=hidden",
                          total > 1 ? "\n" : "", library->mapping.strings + entry->st_name,
                          library->name, owner[0] != '\0' ? owner : "somebody else's");
    }
    if (total > MOST_SENTENCES) {
        (void)text_printf(out, "\nand %zu more", total - MOST_SENTENCES);
    }
    free(hunt.found);
    return total;
}
