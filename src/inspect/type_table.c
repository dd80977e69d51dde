#include "inspect/type_table.h"

#include "base/array.h"
#include "inspect/die.h"

#include <stdlib.h>

#define FIRST_SLOTS 128

void type_table_init(struct type_table *table, struct draft *draft, const struct debug_file *file)
{
    *table = (struct type_table){.draft = draft, .file = file, .scopes = type_scopes_create()};
    table->failed = table->scopes == NULL;
}

void type_table_finish(struct type_table *table)
{
    free(table->entries);
    free(table->fields);
    free(table->enumerators);
    free(table->slots);
    type_scopes_destroy(table->scopes);
    text_finish(&table->name);
    *table = (struct type_table){.failed = false};
}

/* Room for one more. */
static bool reserve(struct type_table *table, void *list, size_t *room, size_t count, size_t size)
{
    bool ok = count < LAYOUT_FIELDS_MOST * 2 && array_reserve(list, room, count + 1, size);
    table->failed = table->failed || !ok;
    return ok;
}

static size_t slot_of(const struct type_table *table, const void *place)
{
    size_t slot = (size_t)(((uintptr_t)place * UINT64_C(0x9e3779b97f4a7c15)) >> 20);
    for (slot &= table->slot_count - 1; table->slots[slot] != LAYOUT_NONE;
         slot = (slot + 1) & (table->slot_count - 1)) {
        if (table->entries[table->slots[slot]].key == place) {
            break;
        }
    }
    return slot;
}

static bool grow_slots(struct type_table *table)
{
    size_t count = table->slot_count == 0 ? FIRST_SLOTS : table->slot_count * 2;
    uint32_t *slots = malloc(count * sizeof *slots);
    if (slots == NULL) {
        table->failed = true;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        slots[i] = LAYOUT_NONE;
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->entries[i].key != NULL) {
            slots[slot_of(table, table->entries[i].key)] = i;
        }
    }
    return true;
}

static uint32_t add(struct type_table *table, const struct type_entry *entry)
{
    if (table->count >= LAYOUT_TYPES_MOST) {
        table->failed = true;
    }
    if (table->failed ||
        !reserve(table, &table->entries, &table->room, table->count, sizeof table->entries[0])) {
        return 0;
    }
    table->entries[table->count] = *entry;
    return (uint32_t)table->count++;
}

uint32_t type_table_meet(struct type_table *table, Dwarf_Die *die, const char *alias)
{
    if (table->count * 2 >= table->slot_count && !grow_slots(table)) {
        return 0;
    }
    size_t slot = slot_of(table, die->addr);
    if (table->slots[slot] != LAYOUT_NONE) {
        return table->slots[slot];
    }
    uint32_t number = add(
        table,
        &(struct type_entry){.key = die->addr,
                             .die = *die,
                             .alias = alias,
                             .type = {.kind = LAYOUT_UNKNOWN, .target = LAYOUT_NONE, .align = 1}});
    if (!table->failed) {
        table->slots[slot] = number;
    }
    return number;
}

uint32_t type_table_name(struct type_table *table, const struct type_entry *entry)
{
    Dwarf_Die die = entry->die;
    type_scopes_name(table->scopes, &die, entry->alias, &table->name);
    return draft_string(table->draft, text_string(&table->name));
}

uint32_t type_table_typedef(const struct type_entry *entry)
{
    Dwarf_Die die = entry->die;
    return entry->alias != NULL && *die_name(&die) == '\0' ? LAYOUT_TYPEDEF : 0;
}

uint32_t type_table_make(struct type_table *table, const struct layout_type *type)
{
    return add(table, &(struct type_entry){.type = *type});
}

void type_table_field(struct type_table *table, const struct layout_field *field)
{
    if (reserve(table, &table->fields, &table->field_room, table->field_count,
                sizeof table->fields[0])) {
        table->fields[table->field_count++] = *field;
    }
}

void type_table_enumerator(struct type_table *table, const struct layout_enumerator *enumerator)
{
    if (reserve(table, &table->enumerators, &table->enumerator_room, table->enumerator_count,
                sizeof table->enumerators[0])) {
        table->enumerators[table->enumerator_count++] = *enumerator;
    }
}
