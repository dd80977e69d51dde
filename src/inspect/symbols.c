#include "inspect/symbols.h"

#include "base/sorted.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MOST (4U << 20)
#define LOOK_BACK    16 /* symbols may lie inside of others */

struct symbol {
    uint64_t start, size;
    const char *name;
    uint32_t rank; /* of several names for one address the lowest is the plainest: free before
                      __libc_free */
};

struct symbols {
    size_t count;
    struct symbol list[];
};

static int compare(const void *left, const void *right)
{
    const struct symbol *a = left, *b = right;
    if (a->start != b->start) {
        return a->start < b->start ? -1 : 1;
    }
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static uint32_t rank_of(const char *name)
{
    return (uint32_t)strnlen(name, 1000) + (name[0] == '_' ? 1000 : 0);
}

static Elf_Scn *find_table(Elf *elf, GElf_Shdr *shdr)
{
    Elf_Scn *found = NULL;
    GElf_Shdr header;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn)) != NULL;) {
        if (gelf_getshdr(scn, &header) == NULL ||
            (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM)) {
            continue;
        }
        if (found == NULL || header.sh_type == SHT_SYMTAB) {
            found = scn;
            *shdr = header;
        }
    }
    return found;
}

static bool is_function(const GElf_Sym *sym)
{
    unsigned type = GELF_ST_TYPE(sym->st_info);
    return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS && sym->st_value != 0 &&
           (type == STT_FUNC || type == STT_GNU_IFUNC ||
            (type == STT_NOTYPE && GELF_ST_BIND(sym->st_info) == STB_GLOBAL));
}

struct symbols *symbols_create(Elf *elf)
{
    GElf_Shdr shdr = {0};
    Elf_Scn *scn = find_table(elf, &shdr);
    Elf_Data *data = scn == NULL ? NULL : elf_getdata(scn, NULL);
    size_t most = data == NULL || shdr.sh_entsize == 0 ? 0 : data->d_size / shdr.sh_entsize;
    most = most < SYMBOLS_MOST ? most : SYMBOLS_MOST;
    struct symbols *symbols = malloc(sizeof *symbols + most * sizeof symbols->list[0]);
    if (symbols == NULL) {
        return NULL;
    }
    symbols->count = 0;
    for (size_t i = 0; i < most; i++) {
        GElf_Sym sym;
        if (gelf_getsym(data, (int)i, &sym) == NULL || !is_function(&sym)) {
            continue;
        }
        const char *name = elf_strptr(elf, shdr.sh_link, sym.st_name);
        if (name != NULL && name[0] != '\0') {
            symbols->list[symbols->count++] =
                (struct symbol){sym.st_value, sym.st_size, name, rank_of(name)};
        }
    }
    qsort(symbols->list, symbols->count, sizeof symbols->list[0], compare);
    return symbols;
}

void symbols_destroy(struct symbols *symbols)
{
    free(symbols);
}

/* The first of those with this start. */
static size_t first_like(const struct symbols *symbols, size_t i)
{
    while (i > 0 && symbols->list[i - 1].start == symbols->list[i].start) {
        i--;
    }
    return i;
}

const char *symbols_find(const struct symbols *symbols, uint64_t address, uint64_t *past)
{
    size_t low = sorted_upto(symbols->list, symbols->count, sizeof symbols->list[0],
                             offsetof(struct symbol, start), address);
    for (size_t i = low, looks = 0; i > 0 && looks < LOOK_BACK; looks++) {
        i = first_like(symbols, i - 1);
        const struct symbol *symbol = &symbols->list[i];
        /* Code written by hand may have no size: then all that follows is its. */
        if (address - symbol->start < symbol->size || (symbol->size == 0 && looks == 0)) {
            *past = address - symbol->start;
            return symbol->name;
        }
    }
    return NULL;
}
