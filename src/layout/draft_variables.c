#define _GNU_SOURCE /* qsort_r */
#include "layout/draft_parts.h"

#include <stdlib.h>
#include <string.h>

static bool is_carried(const struct layout_variable *variable)
{
    return (variable->flags & LAYOUT_CARRIED) != 0;
}

/* The same strings have the same numbers. */
static int compare_identity(const struct layout_variable *a, const struct layout_variable *b)
{
    uint32_t global = a->flags & LAYOUT_GLOBAL;
    if (a->name != b->name) {
        return a->name < b->name ? -1 : 1;
    }
    if (global != (b->flags & LAYOUT_GLOBAL)) {
        return global != 0 ? 1 : -1;
    }
    if (a->function != b->function) {
        return a->function < b->function ? -1 : 1;
    }
    return global != 0 || a->file == b->file ? 0 : a->file < b->file ? -1 : 1;
}

/* Of those at one place a carried one comes first. */
static int by_identity(const void *left, const void *right)
{
    const struct layout_variable *a = left, *b = right;
    int order = compare_identity(a, b);
    if (order == 0 && a->address != b->address) {
        order = a->address < b->address ? -1 : 1;
    }
    return order != 0 ? order : is_carried(b) - is_carried(a);
}

/* Carried ones first, by address; the others as a person would list them. */
static int by_place(const void *left, const void *right, void *ctx)
{
    const struct layout_variable *a = left, *b = right;
    const struct draft *draft = ctx;
    if (is_carried(a) != is_carried(b)) {
        return is_carried(b) - is_carried(a);
    }
    if (a->address != b->address && is_carried(a)) {
        return a->address < b->address ? -1 : 1;
    }
    int order = strcmp(draft->strings.data + a->file, draft->strings.data + b->file);
    order = order != 0
                ? order
                : strcmp(draft->strings.data + a->function, draft->strings.data + b->function);
    order =
        order != 0 ? order : strcmp(draft->strings.data + a->name, draft->strings.data + b->name);
    return order != 0 ? order : a->address < b->address ? -1 : a->address > b->address;
}

static void sort(struct draft *draft)
{
    if (draft->variables.count > 1) {
        qsort_r(draft->variables.data, draft->variables.count, draft->variables.size, by_place,
                draft);
    }
}

static void refuse(struct draft *draft, struct layout_variable *variable, const char *reason)
{
    variable->flags &= ~(uint32_t)LAYOUT_CARRIED;
    variable->reason = draft_string(draft, reason);
}

/* Units that were linked together tell of one variable more than once; and blocks of a function may
 * have two of one name, of which nobody can say which is which. */
static void settle_identities(struct draft *draft)
{
    struct layout_variable *all = draft->variables.data;
    size_t kept = 0;
    for (size_t i = 0; i < draft->variables.count; i++) {
        struct layout_variable *last = kept > 0 ? &all[kept - 1] : NULL;
        if (last == NULL || compare_identity(last, &all[i]) != 0) {
            all[kept++] = all[i];
            continue;
        }
        if (last->address == all[i].address) {
            continue;
        }
        bool carried = is_carried(last) || is_carried(&all[i]);
        all[kept] = all[i];
        if (carried) {
            refuse(draft, last,
                   "there is another variable of its name in the same function or file");
            refuse(draft, &all[kept],
                   "there is another variable of its name in the same function or file");
        }
        kept++;
    }
    draft->variables.count = kept;
}

static void settle_sizes(struct draft *draft, uint64_t span)
{
    struct layout_variable *all = draft->variables.data;
    for (size_t i = 0; i < draft->variables.count; i++) {
        const struct layout_type *type = draft_type(draft, all[i].type);
        if (!is_carried(&all[i])) {
            continue;
        }
        if (type->kind == LAYOUT_UNKNOWN || type->kind == LAYOUT_FUNCTION ||
            (type->flags & LAYOUT_FLEXIBLE) != 0) {
            refuse(draft, &all[i], "the debug info does not tell its size");
        } else if (all[i].address > span || type->size > span - all[i].address) {
            refuse(draft, &all[i], "by the debug info it lies outside of the library");
        }
    }
}

/* Of two that share bytes the first stays: an alias is the same variable under another name. */
static void settle_places(struct draft *draft)
{
    struct layout_variable *all = draft->variables.data;
    uint64_t behind = 0;
    for (size_t i = 0; i < draft->variables.count && is_carried(&all[i]); i++) {
        if (all[i].address < behind) {
            refuse(draft, &all[i], "by the debug info another variable lies at its place");
        } else {
            behind = all[i].address + draft_type(draft, all[i].type)->size;
        }
    }
}

bool draft_settle_variables(struct draft *draft, uint64_t span)
{
    if (draft->failed) {
        return false;
    }
    if (draft->variables.count > 1) {
        qsort(draft->variables.data, draft->variables.count, draft->variables.size, by_identity);
    }
    settle_identities(draft);
    settle_sizes(draft, span);
    sort(draft);
    settle_places(draft);
    sort(draft);
    return !draft->failed;
}
