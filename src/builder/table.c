#include "builder/table.h"

#include <stdlib.h>

#define SLOTS_FIRST 64

static size_t place_of(const struct table *table, uint64_t key)
{
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed ^ (mixed >> 32)) & (table->size - 1);
}

/* The slot that holds `key`, or the free one where it would go. */
static size_t slot_of(const struct table *table, uint64_t key)
{
    size_t at = place_of(table, key);
    while (table->slots[at].value != NULL && table->slots[at].key != key) {
        at = (at + 1) & (table->size - 1);
    }
    return at;
}

void *table_get(const struct table *table, uint64_t key)
{
    return table->size == 0 ? NULL : table->slots[slot_of(table, key)].value;
}

static bool grow(struct table *table)
{
    size_t size = table->size == 0 ? SLOTS_FIRST : table->size * 2;
    struct table grown = {.slots = calloc(size, sizeof *grown.slots), .size = size};
    if (grown.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->size; i++) {
        if (table->slots[i].value != NULL) {
            grown.slots[slot_of(&grown, table->slots[i].key)] = table->slots[i];
        }
    }
    grown.count = table->count;
    free(table->slots);
    *table = grown;
    return true;
}

bool table_put(struct table *table, uint64_t key, void *value)
{
    if (table->count * 4 >= table->size * 3 && !grow(table)) {
        return false;
    }
    struct table_slot *slot = &table->slots[slot_of(table, key)];
    table->count += slot->value == NULL ? 1 : 0;
    *slot = (struct table_slot){.key = key, .value = value};
    return true;
}

void table_remove(struct table *table, uint64_t key)
{
    size_t hole = table->size == 0 ? 0 : slot_of(table, key);
    if (table->size == 0 || table->slots[hole].value == NULL) {
        return;
    }
    /* What stands behind, and would be looked for from before the hole, moves up into it. */
    size_t mask = table->size - 1;
    for (size_t at = (hole + 1) & mask; table->slots[at].value != NULL; at = (at + 1) & mask) {
        size_t wanted = place_of(table, table->slots[at].key);
        if (((at - wanted) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole].value = NULL;
    table->count--;
}

void table_finish(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}
