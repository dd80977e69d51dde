#include "layout/draft.h"

#include "base/array.h"
#include "base/hash.h"
#include "layout/draft_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- growing ---- */

static void *append(struct draft *draft, struct list *list, const void *items, size_t count)
{
    if (list->count + count > UINT32_MAX / 2 ||
        !array_reserve(&list->data, &list->room, list->count + count, list->size)) {
        draft->failed = true;
        return NULL;
    }
    void *at = (char *)list->data + list->count * list->size;
    if (count > 0) {
        memcpy(at, items, count * list->size);
    }
    list->count += count;
    return at;
}

struct draft *draft_create(void)
{
    struct draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL) {
        return NULL;
    }
    draft->types.size = sizeof(struct layout_type);
    draft->fields.size = sizeof(struct layout_field);
    draft->enumerators.size = sizeof(struct layout_enumerator);
    draft->variables.size = sizeof(struct layout_variable);
    draft->symbols.size = sizeof(struct layout_symbol);
    draft->marks.size = sizeof(struct layout_mark);
    (void)draft_string(draft, ""); /* number 0 is the empty one */
    return draft;
}

void draft_destroy(struct draft *draft)
{
    if (draft != NULL) {
        free(draft->types.data);
        free(draft->fields.data);
        free(draft->enumerators.data);
        free(draft->variables.data);
        free(draft->symbols.data);
        free(draft->marks.data);
        text_finish(&draft->strings);
        free(draft->table);
        free(draft);
    }
}

/* ---- strings ---- */

static size_t string_slot(const struct draft *draft, const char *string, size_t len)
{
    size_t slot = (size_t)hash_bytes(string, len) & (draft->table_size - 1);
    while (draft->table[slot] != LAYOUT_NONE &&
           strcmp(draft->strings.data + draft->table[slot], string) != 0) {
        slot = (slot + 1) & (draft->table_size - 1);
    }
    return slot;
}

static bool grow_table(struct draft *draft)
{
    uint32_t *old = draft->table;
    size_t old_size = draft->table_size;
    size_t size = old_size == 0 ? 256 : old_size * 2;
    draft->table = malloc(size * sizeof *draft->table);
    if (draft->table == NULL) {
        draft->table = old;
        return false;
    }
    draft->table_size = size;
    for (size_t i = 0; i < size; i++) {
        draft->table[i] = LAYOUT_NONE;
    }
    for (size_t i = 0; i < old_size; i++) {
        if (old[i] != LAYOUT_NONE) {
            const char *string = draft->strings.data + old[i];
            draft->table[string_slot(draft, string, strlen(string))] = old[i];
        }
    }
    free(old);
    return true;
}

uint32_t draft_string(struct draft *draft, const char *string)
{
    if (string == NULL) {
        return LAYOUT_NONE;
    }
    size_t len = strlen(string);
    if ((draft->string_count + 1) * 2 > draft->table_size && !grow_table(draft)) {
        draft->failed = true;
        return 0;
    }
    size_t slot = string_slot(draft, string, len);
    if (draft->table[slot] == LAYOUT_NONE) {
        if (draft->strings.len > LAYOUT_BYTES_MOST / 2 ||
            !text_append(&draft->strings, string, len + 1)) {
            draft->failed = true;
            return 0;
        }
        draft->table[slot] = (uint32_t)(draft->strings.len - len - 1);
        draft->string_count++;
    }
    return draft->table[slot];
}

const char *draft_string_at(const struct draft *draft, uint32_t number)
{
    return number < draft->strings.len ? draft->strings.data + number : "";
}

/* ---- types and what else there is ---- */

/* A number that was not given out would lead out of the arrays. */
static void require_type(struct draft *draft, uint32_t number)
{
    draft->failed = draft->failed || number >= draft->types.count;
}

uint32_t draft_reserve(struct draft *draft)
{
    struct layout_type unknown = {.kind = LAYOUT_UNKNOWN, .target = LAYOUT_NONE, .align = 1};
    return append(draft, &draft->types, &unknown, 1) == NULL ? 0 : (uint32_t)draft->types.count - 1;
}

void draft_fill(struct draft *draft, uint32_t number, const struct layout_type *type,
                const struct layout_field *fields, const struct layout_enumerator *enumerators)
{
    if (number >= draft->types.count) {
        return; /* memory was missing */
    }
    struct layout_type *to = (struct layout_type *)draft->types.data + number;
    *to = *type;
    to->first = 0;
    to->depth = 0;
    if (type->kind == LAYOUT_ENUM) {
        to->first = (uint32_t)draft->enumerators.count;
        (void)append(draft, &draft->enumerators, enumerators, type->count);
    } else if (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) {
        to->first = (uint32_t)draft->fields.count;
        (void)append(draft, &draft->fields, fields, type->count);
        for (uint32_t i = 0; i < type->count; i++) {
            require_type(draft, fields[i].type);
        }
    } else {
        to->count = 0;
    }
    if (type->kind == LAYOUT_ARRAY || type->kind == LAYOUT_POINTER) {
        require_type(draft, type->target);
    } else {
        to->target = LAYOUT_NONE;
    }
}

const struct layout_type *draft_type(const struct draft *draft, uint32_t number)
{
    return (const struct layout_type *)draft->types.data + number;
}

void draft_variable(struct draft *draft, const struct layout_variable *variable)
{
    require_type(draft, variable->type);
    (void)append(draft, &draft->variables, variable, 1);
}

void draft_symbol(struct draft *draft, const struct layout_symbol *symbol)
{
    (void)append(draft, &draft->symbols, symbol, 1);
}

void draft_mark(struct draft *draft, uint64_t address, uint32_t type)
{
    struct layout_mark mark = {.address = address, .type = type};
    require_type(draft, type);
    (void)append(draft, &draft->marks, &mark, 1);
}
