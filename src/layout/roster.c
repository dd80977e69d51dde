#define _GNU_SOURCE /* qsort_r */
#include "layout/roster.h"

#include "base/array.h"
#include "base/sorted.h"
#include "state/json.h"

#include <stdlib.h>
#include <string.h>

/* Values that a struct may lead to: as many for each byte, and some for what takes none. */
#define VALUES_EACH 16
#define VALUES_MORE 4096

struct listed { /* what was made for one type */
    struct roster_list list;
    struct roster_word *words; /* ENUM: by value */
    char *texts;
    bool done;
};

struct roster {
    const struct layout *layout;
    struct listed *types;
    uint64_t *values; /* of each type; 0: not counted yet */
};

struct roster *roster_create(const struct layout *layout)
{
    struct roster *roster = calloc(1, sizeof *roster);
    if (roster != NULL) {
        roster->layout = layout;
        roster->types = calloc(layout->head->types, sizeof *roster->types);
        roster->values = calloc(layout->head->types, sizeof *roster->values);
    }
    if (roster != NULL && (roster->types == NULL || roster->values == NULL)) {
        roster_destroy(roster);
        roster = NULL;
    }
    return roster;
}

static void list_finish(struct roster_list *list)
{
    free((void *)(uintptr_t)list->members);
    free((void *)(uintptr_t)list->by_name);
    free((void *)(uintptr_t)list->by_place);
    free((void *)(uintptr_t)list->renamed);
    *list = (struct roster_list){0};
}

void roster_destroy(struct roster *roster)
{
    if (roster == NULL) {
        return;
    }
    for (uint32_t i = 0; roster->types != NULL && i < roster->layout->head->types; i++) {
        struct listed *listed = &roster->types[i];
        list_finish(&listed->list);
        free(listed->words);
        free(listed->texts);
    }
    free(roster->types);
    free(roster->values);
    free(roster);
}

const struct layout *roster_layout(const struct roster *roster)
{
    return roster->layout;
}

/* ---- how many values there are ---- */

static uint64_t add_values(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t count_values(struct roster *roster, uint32_t number)
{
    const struct layout *layout = roster->layout;
    const struct layout_type *type = &layout->types[number];
    uint64_t count = 1, each;
    if (roster->values[number] != 0) {
        return roster->values[number];
    }
    if (type->kind == LAYOUT_STRUCT) {
        for (uint32_t i = 0; i < type->count; i++) {
            count = add_values(count, count_values(roster, layout->fields[type->first + i].type));
        }
    } else if (type->kind == LAYOUT_ARRAY && type->size > 0) {
        each = count_values(roster, type->target);
        count =
            __builtin_mul_overflow(each, type->elements, &each) ? UINT64_MAX : add_values(each, 1);
    }
    roster->values[number] = count;
    return count;
}

/* ---- names ---- */

struct making { /* a list of members */
    const struct layout *layout;
    struct roster_member *members;
    uint32_t count;
    size_t room;
    struct text texts; /* names and JSON; members have places in it until it is whole */
    bool failed;
};

static bool is_nameless(const struct layout_field *field)
{
    return (field->flags & LAYOUT_MEMBERS) != 0;
}

/* The names of all fields, which tell one union without a name from another. */
static void put_union_name(struct making *making, const struct layout_type *type, bool *first)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_field *field = &making->layout->fields[type->first + i];
        const struct layout_type *inner = &making->layout->types[field->type];
        if (is_nameless(field) && (inner->kind == LAYOUT_STRUCT || inner->kind == LAYOUT_UNION)) {
            put_union_name(making, inner, first);
            continue;
        }
        if (making->texts.len > LAYOUT_BYTES_MOST) {
            making->failed = true;
            return;
        }
        (void)text_printf(&making->texts, "%s%s", *first ? "" : "|",
                          layout_string(making->layout, field->name));
        *first = false;
    }
}

static void put_name(struct making *making, const struct layout_field *field)
{
    const char *name = layout_string(making->layout, field->name);
    if (is_nameless(field)) {
        bool first = true;
        put_union_name(making, &making->layout->types[field->type], &first);
        return;
    }
    (void)text_printf(&making->texts, "%s%s", name[0] == '$' ? "$" : "", name);
}

static void add_member(struct making *making, const struct layout_field *field, uint64_t offset)
{
    if (making->count > 2 * LAYOUT_FIELDS_MOST ||
        !array_reserve(&making->members, &making->room, making->count + 1,
                       sizeof *making->members)) {
        making->failed = true;
        return;
    }
    struct roster_member *member = &making->members[making->count++];
    size_t start = making->texts.len;
    put_name(making, field);
    *member = (struct roster_member){
        .name = (const char *)(uintptr_t)start,
        .old_name =
            field->old_name == LAYOUT_NONE ? NULL : layout_string(making->layout, field->old_name),
        .name_len = (uint32_t)(making->texts.len - start),
        .type = field->type,
        .bit = field->bit,
        .bits = field->bits,
        .flags = field->flags,
        .offset = offset + field->offset,
        .size = making->layout->types[field->type].size};
    (void)text_append(&making->texts, "", 1);
}

static void add_members(struct making *making, const struct layout_type *type, uint64_t offset)
{
    for (uint32_t i = 0; i < type->count && !making->failed; i++) {
        const struct layout_field *field = &making->layout->fields[type->first + i];
        const struct layout_type *inner = &making->layout->types[field->type];
        if (is_nameless(field) && inner->kind == LAYOUT_STRUCT) {
            add_members(making, inner, offset + field->offset);
        } else if ((field->flags & LAYOUT_VTABLE) == 0) {
            add_member(making, field, offset);
        }
    }
}

static int order_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int by_name(const void *left, const void *right, void *ctx)
{
    const struct roster_member *members = ctx;
    uint32_t x = *(const uint32_t *)left, y = *(const uint32_t *)right;
    int order =
        order_names(members[x].name, members[x].name_len, members[y].name, members[y].name_len);
    return order != 0 ? order : (x > y) - (x < y);
}

static int by_place(const void *left, const void *right, void *ctx)
{
    const struct roster_member *members = ctx;
    uint32_t x = *(const uint32_t *)left, y = *(const uint32_t *)right;
    return members[x].offset != members[y].offset ? (members[x].offset < members[y].offset ? -1 : 1)
                                                  : (x > y) - (x < y);
}

static uint32_t *sort_members(struct making *making,
                              int (*compare)(const void *, const void *, void *))
{
    uint32_t *numbers = malloc((making->count + 1) * sizeof *numbers);
    for (uint32_t i = 0; numbers != NULL && i < making->count; i++) {
        numbers[i] = i;
    }
    if (numbers != NULL && making->count > 1) {
        qsort_r(numbers, making->count, sizeof *numbers, compare, making->members);
    }
    return numbers;
}

static void place_names(struct making *making)
{
    for (uint32_t i = 0; i < making->count; i++) {
        making->members[i].name = making->texts.data + (uintptr_t)making->members[i].name;
    }
}

/* Of equal names the first keeps it; the others are told by the type and, where that is not
 * enough, by their number. Places in the text only, as it may grow here. */
static void tell_apart(struct making *making, const char *around, const uint32_t *sorted)
{
    const char *base = making->texts.data;
    bool *equal = calloc(making->count + 1, sizeof *equal);
    making->failed |= equal == NULL;
    for (uint32_t i = 1; !making->failed && i < making->count; i++) {
        const struct roster_member *a = &making->members[sorted[i - 1]];
        const struct roster_member *b = &making->members[sorted[i]];
        equal[i] = order_names(a->name, a->name_len, b->name, b->name_len) == 0;
    }
    for (uint32_t i = 0; i < making->count; i++) {
        making->members[i].name = (const char *)(uintptr_t)(making->members[i].name - base);
    }
    unsigned nth = 0;
    for (uint32_t i = 1; !making->failed && i < making->count; i++) {
        nth = equal[i] ? nth + 1 : 0;
        if (nth == 0) {
            continue;
        }
        struct roster_member *member = &making->members[sorted[i]];
        char *old = strdup(making->texts.data + (uintptr_t)member->name);
        size_t start = making->texts.len;
        making->failed |= old == NULL;
        (void)text_printf(&making->texts, "%s::%s", around, old == NULL ? "" : old);
        if (nth > 1) {
            (void)text_printf(&making->texts, "#%u", nth);
        }
        free(old);
        member->name = (const char *)(uintptr_t)start;
        member->name_len = (uint32_t)(making->texts.len - start);
        (void)text_append(&making->texts, "", 1);
        making->failed |= making->texts.failed;
    }
    free(equal);
}

static void add_json(struct making *making)
{
    for (uint32_t i = 0; i < making->count && !making->texts.failed; i++) {
        struct roster_member *member = &making->members[i];
        char *name = strndup(making->texts.data + (uintptr_t)member->name, member->name_len);
        size_t start = making->texts.len;
        making->failed |= name == NULL;
        (void)text_puts(&making->texts, ",");
        (void)json_quote(&making->texts, name == NULL ? "" : name);
        (void)text_puts(&making->texts, ":");
        free(name);
        member->json = (const char *)(uintptr_t)start;
        member->json_len = (uint32_t)(making->texts.len - start);
    }
}

static bool make_list(struct making *making, const char *around, struct roster_list *list)
{
    (void)text_append(&making->texts, "", 1);
    uint32_t *sorted = NULL;
    if (!making->failed && !making->texts.failed) {
        place_names(making);
        sorted = sort_members(making, by_name);
        making->failed |= sorted == NULL;
    }
    if (!making->failed && !making->texts.failed) {
        tell_apart(making, around, sorted);
        add_json(making);
    }
    free(sorted);
    if (making->failed || making->texts.failed) {
        return false;
    }
    uint32_t *renamed = malloc((making->count + 1) * sizeof *renamed);
    if (renamed == NULL) {
        return false;
    }
    place_names(making);
    for (uint32_t i = 0; i < making->count; i++) {
        struct roster_member *member = &making->members[i];
        member->json = making->texts.data + (uintptr_t)member->json;
        renamed[list->renamed_count] = i;
        list->renamed_count += member->old_name != NULL;
    }
    list->renamed = renamed;
    list->by_name = sort_members(making, by_name);
    list->by_place = sort_members(making, by_place);
    list->members = making->members;
    list->count = making->count;
    return list->by_name != NULL && list->by_place != NULL;
}

const struct roster_list *roster_members(struct roster *roster, uint32_t number, struct error *err)
{
    struct listed *listed = &roster->types[number];
    const struct layout_type *type = &roster->layout->types[number];
    if (listed->done) {
        return &listed->list;
    }
    const char *name = layout_string(roster->layout, type->name);
    if (count_values(roster, number) > VALUES_MORE + VALUES_EACH * type->size) {
        (void)error_set(err, ERROR_FORMAT, "the layout is damaged: fields of %s lie in each other",
                        name);
        return NULL;
    }
    struct making making = {.layout = roster->layout};
    add_members(&making, type, 0);
    if (!make_list(&making, name, &listed->list)) {
        listed->list.members = making.members;
        list_finish(&listed->list);
        text_finish(&making.texts);
        (void)error_set(err, ERROR_SYSTEM, "no memory for the names of %s", name);
        return NULL;
    }
    listed->texts = making.texts.data;
    listed->done = true;
    return &listed->list;
}

/* ---- looking for members ---- */

const struct roster_member *roster_named(const struct roster_list *list, const char *name,
                                         size_t len)
{
    uint32_t low = 0, high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct roster_member *member = &list->members[list->by_name[middle]];
        int order = order_names(member->name, member->name_len, name, len);
        if (order == 0) {
            return member;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    for (uint32_t i = 0; i < list->renamed_count; i++) {
        const struct roster_member *member = &list->members[list->renamed[i]];
        if (strlen(member->old_name) == len && memcmp(member->old_name, name, len) == 0) {
            return member;
        }
    }
    return NULL;
}

const struct roster_member *roster_holding(const struct roster_list *list, uint64_t offset)
{
    uint32_t low = 0, high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool before = list->members[list->by_place[middle]].offset <= offset;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    for (uint32_t i = low, tries = 0; i > 0 && tries < 64; i--, tries++) {
        const struct roster_member *member = &list->members[list->by_place[i - 1]];
        if (member->bits == 0 && offset - member->offset < member->size) {
            return member;
        }
    }
    return NULL;
}

/* ---- enumerators ---- */

static int order_words(const void *left, const void *right)
{
    const struct roster_word *a = left, *b = right;
    return a->value != b->value ? (a->value < b->value ? -1 : 1)
                                : (a->enumerator > b->enumerator) - (a->enumerator < b->enumerator);
}

static bool make_words(struct roster *roster, const struct layout_type *type, struct listed *listed)
{
    struct text texts = {0};
    struct roster_word *words = malloc((type->count + 1) * sizeof *words);
    if (words == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_enumerator *one = &roster->layout->enumerators[type->first + i];
        size_t start = texts.len;
        (void)json_quote(&texts, layout_string(roster->layout, one->name));
        words[i] = (struct roster_word){.value = one->value,
                                        .json = (const char *)(uintptr_t)start,
                                        .json_len = (uint32_t)(texts.len - start),
                                        .enumerator = type->first + i};
    }
    if (texts.failed) {
        free(words);
        text_finish(&texts);
        return false;
    }
    for (uint32_t i = 0; i < type->count; i++) {
        words[i].json = texts.data + (uintptr_t)words[i].json;
    }
    if (type->count > 1) {
        qsort(words, type->count, sizeof *words, order_words);
    }
    listed->words = words;
    listed->texts = texts.data;
    listed->done = true;
    return true;
}

const struct roster_word *roster_word(struct roster *roster, uint32_t number, uint64_t value)
{
    struct listed *listed = &roster->types[number];
    const struct layout_type *type = &roster->layout->types[number];
    if (!listed->done && !make_words(roster, type, listed)) {
        return NULL;
    }
    size_t low = sorted_below(listed->words, type->count, sizeof listed->words[0],
                              offsetof(struct roster_word, value), value);
    return low < type->count && listed->words[low].value == value ? &listed->words[low] : NULL;
}
