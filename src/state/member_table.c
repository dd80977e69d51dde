#include "state/member_table.h"

#include "base/array.h"
#include "state/spelling.h"

#include <stdlib.h>

void member_table_finish(struct member_table *table)
{
    free(table->member);
    *table = (struct member_table){0};
}

static bool mark_of(const struct members *members, uint64_t *mark)
{
    if (members->key_escaped) {
        return spelling_mark_escaped(members->key, members->key_len, mark);
    }
    *mark = spelling_mark(members->key, members->key_len, members->end);
    return true;
}

bool member_table_add(struct member_table *table, const struct members *members)
{
    if (!array_reserve(&table->member, &table->cap, table->count + 1, sizeof *table->member)) {
        return false;
    }
    struct member *member = &table->member[table->count];
    *member =
        (struct member){.key = members->key, .key_len = members->key_len, .value = members->value};
    if (!mark_of(members, &member->mark)) {
        return false;
    }
    table->count++;
    return true;
}

bool member_table_add_rest(struct member_table *table, struct members *members)
{
    while (members_next(members, NULL)) {
        if (!member_table_add(table, members)) {
            return false;
        }
    }
    return true;
}

static int order_by_name(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    if (a->mark != b->mark) {
        return a->mark < b->mark ? -1 : 1;
    }
    return spelling_order(a->key, a->key_len, b->key, b->key_len);
}

static int order_by_place(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

static void sort(struct member_table *table, size_t first, int (*order)(const void *, const void *))
{
    if (table->count - first > 1) {
        qsort(table->member + first, table->count - first, sizeof *table->member, order);
    }
}

void member_table_sort(struct member_table *table, size_t first)
{
    sort(table, first, order_by_name);
}

void member_table_unsort(struct member_table *table, size_t first)
{
    sort(table, first, order_by_place);
}

struct member *member_table_find(const struct member_table *table, size_t first, size_t count,
                                 const struct members *members, bool *failed)
{
    struct member wanted = {.key = members->key, .key_len = members->key_len};
    if (count == 0) {
        return NULL;
    }
    if (!mark_of(members, &wanted.mark)) {
        *failed = true;
        return NULL;
    }
    return bsearch(&wanted, table->member + first, count, sizeof wanted, order_by_name);
}
