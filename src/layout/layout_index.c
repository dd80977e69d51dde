#define _GNU_SOURCE /* qsort_r */
#include "layout/layout_index.h"

#include "base/sorted.h"

#include <stdlib.h>
#include <string.h>

struct layout_index {
    uint32_t *around; /* of each symbol: the last one before it that reaches over where it begins */
    uint32_t *variables; /* in the order of identities */
    uint32_t carried;    /* that many variables come first */
};

/* Who a variable is. */
struct identity {
    const char *file, *function, *name;
    bool global;
};

static struct identity identity_of(const struct layout *layout, uint32_t number)
{
    const struct layout_variable *variable = &layout->variables[number];
    return (struct identity){
        layout_string(layout, variable->file), layout_string(layout, variable->function),
        layout_string(layout, variable->name), (variable->flags & LAYOUT_GLOBAL) != 0};
}

static int compare_identity(const struct identity *a, const struct identity *b)
{
    int order = strcmp(a->name, b->name);
    order = order != 0 ? order : a->global - b->global;
    order = order != 0 ? order : strcmp(a->function, b->function);
    return order != 0 || a->global ? order : strcmp(a->file, b->file);
}

static int by_identity(const void *left, const void *right, void *ctx)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    struct identity first = identity_of(ctx, a), second = identity_of(ctx, b);
    int order = compare_identity(&first, &second);
    return order != 0 ? order : a < b ? -1 : a > b;
}

static void sort_variables(const struct layout *layout, struct layout_index *index)
{
    uint32_t count = layout->head->variables;
    for (uint32_t i = 0; i < count; i++) {
        index->variables[i] = i;
        index->carried += (layout->variables[i].flags & LAYOUT_CARRIED) != 0;
    }
    if (count > 1) {
        qsort_r(index->variables, count, sizeof index->variables[0], by_identity,
                (void *)(uintptr_t)layout);
    }
}

/* Symbols lie in each other: labels in a function, members of a block of assembler. */
static void find_around(const struct layout *layout, struct layout_index *index)
{
    uint32_t open = LAYOUT_NONE;
    for (uint32_t i = 0; i < layout->head->symbols; i++) {
        uint64_t address = layout->symbols[i].address;
        while (open != LAYOUT_NONE &&
               address - layout->symbols[open].address >= layout->symbols[open].size) {
            open = index->around[open];
        }
        index->around[i] = open;
        open = i;
    }
}

struct layout_index *layout_index_create(const struct layout *layout)
{
    struct layout_index *index = calloc(1, sizeof *index);
    if (index == NULL) {
        return NULL;
    }
    index->around = malloc(((size_t)layout->head->symbols + 1) * sizeof *index->around);
    index->variables = malloc(((size_t)layout->head->variables + 1) * sizeof *index->variables);
    if (index->around == NULL || index->variables == NULL) {
        layout_index_destroy(index);
        return NULL;
    }
    find_around(layout, index);
    sort_variables(layout, index);
    return index;
}

void layout_index_destroy(struct layout_index *index)
{
    if (index != NULL) {
        free(index->around);
        free(index->variables);
        free(index);
    }
}

/* ---- symbols ---- */

#define AROUND_MOST 256 /* a hostile layout must not make each look a walk over all symbols */

const struct layout_symbol *layout_symbol_at(const struct layout *layout, uint64_t address)
{
    size_t low = sorted_upto(layout->symbols, layout->head->symbols, sizeof layout->symbols[0],
                             offsetof(struct layout_symbol, address), address);
    const struct layout_symbol *begins = NULL, *ends = NULL;
    uint32_t at = low == 0 ? LAYOUT_NONE : (uint32_t)low - 1;
    for (unsigned i = 0; at != LAYOUT_NONE && i < AROUND_MOST; at = layout->index->around[at]) {
        const struct layout_symbol *symbol = &layout->symbols[at];
        uint64_t past = address - symbol->address;
        if (past < symbol->size) {
            return symbol;
        }
        if (past == 0 && begins == NULL) {
            begins = symbol;
        } else if (past == symbol->size && ends == NULL) {
            ends = symbol;
        }
        i++;
    }
    return begins != NULL ? begins : ends;
}

static int compare_name(const struct layout *layout, uint32_t number, const char *name)
{
    return strcmp(layout_string(layout, layout->symbols[number].name), name);
}

const struct layout_symbol *layout_symbol_named(const struct layout *layout, const char *name,
                                                const char *file)
{
    size_t low = 0, high = layout->head->symbols;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_name(layout, layout->by_name[middle], name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct layout_symbol *global = NULL, *local = NULL, *of_file = NULL;
    unsigned locals = 0, of_files = 0;
    for (size_t i = low;
         i < layout->head->symbols && compare_name(layout, layout->by_name[i], name) == 0; i++) {
        const struct layout_symbol *symbol = &layout->symbols[layout->by_name[i]];
        if (symbol->file == LAYOUT_NONE) {
            global = symbol;
            continue;
        }
        local = symbol;
        locals++;
        if (file != NULL && strcmp(layout_string(layout, symbol->file), file) == 0) {
            of_file = symbol;
            of_files++;
        }
    }
    if (of_files > 0) {
        return of_files == 1 ? of_file : NULL;
    }
    if (global != NULL) {
        return global;
    }
    return locals == 1 ? local : NULL; /* one that has moved to another file */
}

/* ---- variables ---- */

const struct layout_variable *layout_variable_at(const struct layout *layout, uint64_t address)
{
    size_t low = sorted_upto(layout->variables, layout->index->carried, sizeof layout->variables[0],
                             offsetof(struct layout_variable, address), address);
    for (; low > 0; low--) {
        const struct layout_variable *variable = &layout->variables[low - 1];
        uint64_t size = layout->types[variable->type].size;
        if (size > 0) { /* one without bytes may lie before another one's end */
            return address - variable->address < size ? variable : NULL;
        }
    }
    return NULL;
}

const struct layout_variable *layout_variable_named(const struct layout *layout, const char *file,
                                                    const char *function, const char *name,
                                                    bool global)
{
    struct identity wanted = {file, function, name, global};
    size_t low = 0, high = layout->head->variables;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct identity found = identity_of(layout, layout->index->variables[middle]);
        if (compare_identity(&found, &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == layout->head->variables) {
        return NULL;
    }
    uint32_t number = layout->index->variables[low];
    struct identity found = identity_of(layout, number);
    return compare_identity(&found, &wanted) == 0 ? &layout->variables[number] : NULL;
}

/* ---- marks ---- */

uint32_t layout_mark_at(const struct layout *layout, uint64_t address)
{
    size_t low = sorted_below(layout->marks, layout->head->marks, sizeof layout->marks[0],
                              offsetof(struct layout_mark, address), address);
    return low < layout->head->marks && layout->marks[low].address == address
               ? layout->marks[low].type
               : LAYOUT_NONE;
}
