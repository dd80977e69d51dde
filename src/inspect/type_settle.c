#include "inspect/type_table.h"

#include "base/hash.h"
#include "base/text.h"
#include "inspect/die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MOST   64
#define CLASSIFY_MOST ((size_t)1 << 21) /* looks at a type */

static bool is_compound(const struct layout_type *type)
{
    return type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
}

/* ---- what cannot lie in a state ---- */

static const char no_definition[] =
    "is of a type that the debug info does not define: compile with -g (classes of C++: with "
    "-femit-class-debug-always of gcc, -fstandalone-debug of clang)";
static const char flexible[] = "ends in a flexible array: give it a size, or point to it";
static const char outside[] = "does not lie inside of it: the debug info is damaged";

/* Why `field` cannot stay; NULL: it can. */
static const char *look_at_field(const struct type_table *table, const struct layout_type *around,
                                 const struct layout_field *field)
{
    const struct type_entry *entry = &table->entries[field->type];
    const struct layout_type *type = &entry->type;
    if ((type->flags & LAYOUT_FLEXIBLE) != 0) {
        return flexible;
    }
    if (type->kind == LAYOUT_UNKNOWN || type->kind == LAYOUT_FUNCTION) {
        return entry->trouble != NULL ? entry->trouble : no_definition;
    }
    uint64_t size = field->bits > 0 ? (field->bit + field->bits + 7) / 8 : type->size;
    bool bits_fit = field->bits == 0 || field->bits <= type->size * 8;
    return field->offset > around->size || size > around->size - field->offset || !bits_fit
               ? outside
               : NULL;
}

/* Sorts the fields that cannot stay to the end, and does not count them. True: there were some. */
static bool settle_fields(struct type_table *table, struct type_entry *entry)
{
    struct layout_field *fields = table->fields + entry->type.first;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < entry->type.count; i++) {
        const char *why = look_at_field(table, &entry->type, &fields[i]);
        if (why == NULL) {
            fields[kept++] = fields[i];
            continue;
        }
        if (why == outside && table->entries[fields[i].type].type.count == 0 &&
            is_compound(&table->entries[fields[i].type].type)) {
            continue; /* an empty class takes no room */
        }
        if (entry->trouble == NULL) {
            entry->trouble = why;
            entry->member_number = fields[i].name;
            entry->member = NULL;
        }
        if (why == flexible) {
            entry->type.flags |= LAYOUT_FLEXIBLE;
        }
    }
    bool some = kept < entry->type.count;
    entry->type.count = kept;
    return some;
}

/* An array takes its element's trouble. */
static bool settle_array(const struct type_table *table, struct type_entry *entry)
{
    const struct type_entry *element = &table->entries[entry->type.target];
    const char *why =
        (element->type.flags & LAYOUT_FLEXIBLE) != 0 ? flexible
        : element->type.kind == LAYOUT_UNKNOWN || element->type.kind == LAYOUT_FUNCTION
            ? no_definition
            : NULL;
    uint64_t whole;
    if (why == NULL && (__builtin_mul_overflow(element->type.size, entry->type.elements, &whole) ||
                        whole != entry->type.size)) {
        why = outside;
    }
    if (why == NULL) {
        return false;
    }
    entry->trouble = why;
    entry->member = "";
    entry->type.kind = why == no_definition ? LAYOUT_UNKNOWN : LAYOUT_BYTES;
    entry->type.size = why == no_definition ? 0 : entry->type.size;
    entry->type.target = LAYOUT_NONE;
    return true;
}

void type_table_settle(struct type_table *table)
{
    bool changed = true;
    for (int round = 0; changed && round < ROUNDS_MOST; round++) {
        changed = false;
        for (size_t i = table->count; i > 0; i--) { /* what lies in others was met later */
            struct type_entry *entry = &table->entries[i - 1];
            if (is_compound(&entry->type)) {
                changed |= settle_fields(table, entry);
            } else if (entry->type.kind == LAYOUT_ARRAY) {
                changed |= settle_array(table, entry);
            }
        }
    }
}

/* ---- the state by its path ---- */

struct walk {
    const struct type_table *table;
    unsigned char *seen;
    struct text path;
    const struct type_entry *found;
};

static const char *member_of(const struct type_table *table, const struct type_entry *entry)
{
    return entry->member != NULL ? entry->member
                                 : draft_string_at(table->draft, entry->member_number);
}

static bool walk_type(struct walk *walk, uint32_t number, unsigned deep)
{
    const struct type_entry *entry = &walk->table->entries[number];
    size_t len = walk->path.len;
    if (entry->trouble != NULL) {
        walk->found = entry;
        return false;
    }
    if (walk->seen[number] != 0 || deep > LAYOUT_DEPTH_MOST) {
        return true;
    }
    walk->seen[number] = 1;
    if (entry->type.kind == LAYOUT_ARRAY) {
        (void)text_puts(&walk->path, "[]");
        if (!walk_type(walk, entry->type.target, deep + 1)) {
            return false;
        }
    }
    for (uint32_t i = 0; is_compound(&entry->type) && i < entry->type.count; i++) {
        const struct layout_field *field = &walk->table->fields[entry->type.first + i];
        walk->path.len = len;
        (void)text_printf(&walk->path, "%s%s", len > 0 ? "." : "",
                          draft_string_at(walk->table->draft, field->name));
        if (!walk_type(walk, field->type, deep + 1)) {
            return false;
        }
    }
    walk->path.len = len;
    return true;
}

const char *type_table_word(const struct type_table *table, uint32_t type)
{
    Dwarf_Die die = table->entries[type].die;
    int tag = die.addr == NULL ? 0 : dwarf_tag(&die);
    return tag == DW_TAG_structure_type     ? "struct "
           : tag == DW_TAG_class_type       ? "class "
           : tag == DW_TAG_union_type       ? "union "
           : tag == DW_TAG_enumeration_type ? "enum "
                                            : "";
}

bool type_table_allows(const struct type_table *table, uint32_t type, struct error *err)
{
    struct walk walk = {.table = table, .seen = calloc(table->count + 1, 1)};
    bool ok = walk.seen != NULL && walk_type(&walk, type, 0);
    if (walk.seen == NULL || walk.path.failed) {
        ok = error_set(err, ERROR_SYSTEM, "no memory for a walk over %zu types", table->count);
    } else if (!ok) {
        const char *path = text_string(&walk.path);
        const char *member = member_of(table, walk.found);
        const char *all = *path == '\0' && *member == '\0' ? "it" : "";
        (void)error_set(err, ERROR_REFUSED, "%s%s: %s%s%s%s %s", type_table_word(table, type),
                        draft_string_at(table->draft, table->entries[type].type.name), all, path,
                        *path != '\0' && *member != '\0' ? "." : "", member, walk.found->trouble);
    }
    text_finish(&walk.path);
    free(walk.seen);
    return ok;
}

/* ---- alignment ---- */

/* That of the field that needs the most, as far as its place and the size agree: a packed struct
 * has less. */
static uint32_t align_of(struct type_table *table, uint32_t number, unsigned deep)
{
    struct layout_type *type = &table->entries[number].type;
    if (type->align != 0 || deep > LAYOUT_DEPTH_MOST) {
        return type->align != 0 ? type->align : 1;
    }
    uint32_t most = 1;
    if (type->kind == LAYOUT_ARRAY) {
        most = align_of(table, type->target, deep + 1);
    }
    for (uint32_t i = 0; is_compound(type) && i < type->count; i++) {
        const struct layout_field *field = &table->fields[type->first + i];
        uint32_t align = field->bits > 0 ? 1 : align_of(table, field->type, deep + 1);
        while (align > 1 && (field->offset % align != 0 || type->size % align != 0)) {
            align /= 2;
        }
        most = align > most ? align : most;
    }
    table->entries[number].type.align = most;
    return most;
}

/* ---- equal types ---- */

/* What tells a type from others by itself; `names`: the classes of what it leads to, so far. */
static uint64_t look_of(const struct type_table *table, const struct type_entry *entry,
                        const uint64_t *names, struct text *room)
{
    const struct layout_type *type = &entry->type;
    uint64_t facts[] = {
        type->kind,  type->flags,
        type->name,  type->size,
        type->align, type->kind == LAYOUT_ARRAY || type->kind == LAYOUT_BYTES ? type->elements : 0,
        type->count, type->target == LAYOUT_NONE ? 1 : names[type->target]};
    text_clear(room);
    (void)text_append(room, facts, sizeof facts);
    for (uint32_t i = 0; is_compound(type) && i < type->count; i++) {
        const struct layout_field *field = &table->fields[type->first + i];
        uint64_t place[] = {field->name,   names[field->type], field->old_name, field->flags,
                            field->offset, field->bit,         field->bits};
        (void)text_append(room, place, sizeof place);
    }
    if (type->kind == LAYOUT_ENUM && type->count > 0) {
        (void)text_append(room, &table->enumerators[type->first],
                          type->count * sizeof table->enumerators[0]);
    }
    return hash_bytes(room->data, room->len);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static size_t count_classes(const uint64_t *names, uint64_t *sorted, size_t count)
{
    size_t classes = 0;
    memcpy(sorted, names, count * sizeof *names);
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++) {
        classes += i == 0 || sorted[i] != sorted[i - 1];
    }
    return classes;
}

/* Classes of types that look the same are divided by what they lead to until none divides any more.
 * False: no memory, or that took too long, and each type then stays by itself. */
static bool classify(const struct type_table *table, uint64_t *names)
{
    uint64_t *next = malloc((table->count + 1) * sizeof *next);
    struct text room = {.limit = 0};
    size_t classes = 0;
    bool done = false;
    memset(names, 0, table->count * sizeof *names);
    size_t rounds = CLASSIFY_MOST / (table->count + 1) + 2;
    for (size_t round = 0; next != NULL && !done && !room.failed && round < rounds; round++) {
        for (size_t i = 0; i < table->count; i++) {
            next[i] = look_of(table, &table->entries[i], names, &room);
        }
        memcpy(names, next, table->count * sizeof *names);
        size_t more = count_classes(names, next, table->count);
        done = more == classes;
        classes = more;
    }
    done = done && !room.failed;
    free(next);
    text_finish(&room);
    return done;
}

struct named { /* a type by its class, the first of a class before the others */
    uint64_t class;
    uint32_t type;
};

static int compare_named(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    return a->class != b->class ? (a->class < b->class ? -1 : 1) : a->type < b->type ? -1 : 1;
}

/* ---- into the draft ---- */

/* first[i]: the type that stands for type i. */
static void unite(const struct type_table *table, uint32_t *first)
{
    uint64_t *names = malloc((table->count + 1) * sizeof *names);
    struct named *list = malloc((table->count + 1) * sizeof *list);
    for (uint32_t i = 0; i < table->count; i++) {
        first[i] = i;
    }
    if (names != NULL && list != NULL && classify(table, names)) {
        for (uint32_t i = 0; i < table->count; i++) {
            list[i] = (struct named){names[i], i};
        }
        qsort(list, table->count, sizeof *list, compare_named);
        for (size_t i = 1; i < table->count; i++) {
            if (list[i].class == list[i - 1].class) {
                first[list[i].type] = first[list[i - 1].type];
            }
        }
    }
    free(names);
    free(list);
}

static void fill(struct type_table *table, const struct type_entry *entry)
{
    struct layout_type type = entry->type;
    struct layout_field *fields = table->fields == NULL ? NULL : table->fields + type.first;
    /* A struct that cannot be carried is told from others by its bytes. */
    if (is_compound(&type) && entry->trouble != NULL && (type.flags & LAYOUT_FLEXIBLE) == 0) {
        type.kind = LAYOUT_BYTES;
        type.flags = 0;
    }
    for (uint32_t i = 0; is_compound(&type) && i < type.count; i++) {
        fields[i].type = table->entries[fields[i].type].number;
    }
    type.target = type.target == LAYOUT_NONE ? LAYOUT_NONE : table->entries[type.target].number;
    draft_fill(table->draft, entry->number, &type, fields,
               table->enumerators == NULL ? NULL : table->enumerators + type.first);
}

bool type_table_emit(struct type_table *table)
{
    uint32_t *first = malloc((table->count + 1) * sizeof *first);
    if (first == NULL || table->failed) {
        free(first);
        return false;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        (void)align_of(table, i, 0);
    }
    unite(table, first);
    for (uint32_t i = 0; i < table->count; i++) {
        table->entries[i].number =
            first[i] == i ? draft_reserve(table->draft) : table->entries[first[i]].number;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        if (first[i] == i) {
            fill(table, &table->entries[i]);
        }
    }
    free(first);
    return true;
}
