#include "inspect/data_symbols.h"

#include "base/array.h"
#include "base/sorted.h"
#include "inspect/symbol_reading.h"

#include <stdlib.h>
#include <string.h>

static void take(void *ctx, const GElf_Sym *symbol, const char *name, const char *source)
{
    struct data_symbols *symbols = ctx;
    (void)source;
    if (GELF_ST_TYPE(symbol->st_info) != STT_OBJECT || symbols->failed) {
        return;
    }
    if (!array_reserve(&symbols->list, &symbols->room, symbols->count + 1, sizeof *symbols->list)) {
        symbols->failed = true;
        return;
    }
    symbols->list[symbols->count++] =
        (struct data_symbol){.address = symbol->st_value,
                             .size = symbol->st_size,
                             .name = name,
                             .unique = GELF_ST_BIND(symbol->st_info) == STB_GNU_UNIQUE};
}

static int by_address(const void *left, const void *right)
{
    const struct data_symbol *a = left, *b = right;
    if (a->address != b->address) {
        return a->address < b->address ? -1 : 1;
    }
    return a->size > b->size ? -1 : a->size < b->size;
}

static int by_name(const void *left, const void *right)
{
    return strcmp((*(struct data_symbol *const *)left)->name,
                  (*(struct data_symbol *const *)right)->name);
}

bool data_symbols_read(struct data_symbols *symbols, const struct debug_file *file)
{
    *symbols = (struct data_symbols){.count = 0};
    symbol_reading_each(file, take, symbols);
    symbols->guards = malloc((symbols->count + 1) * sizeof(struct data_symbol *));
    if (symbols->guards == NULL || symbols->failed) {
        return false;
    }
    if (symbols->count > 0) {
        qsort(symbols->list, symbols->count, sizeof symbols->list[0], by_address);
    }
    for (size_t i = 0; i < symbols->count; i++) {
        if (strncmp(symbols->list[i].name, "_ZGV", 4) == 0) {
            symbols->guards[symbols->guard_count++] = &symbols->list[i];
        }
    }
    if (symbols->guard_count > 0) {
        qsort(symbols->guards, symbols->guard_count, sizeof(struct data_symbol *), by_name);
    }
    return true;
}

void data_symbols_finish(struct data_symbols *symbols)
{
    free(symbols->list);
    free(symbols->guards);
    *symbols = (struct data_symbols){.count = 0};
}

struct data_symbol *data_symbols_at(struct data_symbols *symbols, uint64_t address)
{
    size_t low = sorted_below(symbols->list, symbols->count, sizeof symbols->list[0],
                              offsetof(struct data_symbol, address), address);
    return low < symbols->count && symbols->list[low].address == address ? &symbols->list[low]
                                                                         : NULL;
}

struct data_symbol *data_symbols_guard(const struct data_symbols *symbols, const char *name)
{
    size_t low = 0, high = symbols->guard_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(symbols->guards[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < symbols->guard_count && strcmp(symbols->guards[low]->name, name) == 0
               ? symbols->guards[low]
               : NULL;
}
