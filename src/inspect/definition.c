#include "inspect/definition.h"

#include "base/array.h"
#include "base/hash.h"
#include "inspect/die.h"
#include "inspect/function.h"
#include "inspect/name_filter.h"
#include "inspect/type_reading.h"

#include <stdlib.h>
#include <string.h>

#define VISITS_MOST 4000000U
#define DEEP_MOST   16
#define SPLIT_MOST  256 /* units whose contents are in files of their own */

struct wanted {
    uint32_t entry;
    uint32_t name; /* in full, as a string of the draft */
    Dwarf_Die found;
    bool twice;
};

struct search {
    struct type_table *table;
    struct wanted *wanted;
    uint64_t *own, *around; /* hashes of names, sorted: of what is wanted, of what it stands in */
    size_t count, around_count, around_room;
    struct name_filter filter;
    unsigned visits, splits;
    bool failed;
};

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static bool has(const uint64_t *list, size_t count, const char *name)
{
    uint64_t hash = hash_bytes(name, strlen(name));
    return count > 0 && bsearch(&hash, list, count, sizeof *list, compare) != NULL;
}

static bool is_type(int tag)
{
    return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type ||
           tag == DW_TAG_enumeration_type;
}

/* ---- what is wanted ---- */

static void add_around(struct search *search, const char *name, size_t len)
{
    if (!array_reserve(&search->around, &search->around_room, search->around_count + 1,
                       sizeof *search->around)) {
        search->failed = true;
        return;
    }
    search->around[search->around_count++] = hash_bytes(name, len);
}

/* "a::b<c::d>::e" stands in "a" and in "b<c::d>". */
static void add_scopes(struct search *search, const char *full)
{
    unsigned deep = 0;
    const char *begin = full;
    for (const char *at = full; *at != '\0'; at++) {
        deep += *at == '<' || *at == '(';
        deep -= (*at == '>' || *at == ')') && deep > 0;
        if (deep == 0 && at[0] == ':' && at[1] == ':') {
            add_around(search, begin, (size_t)(at - begin));
            begin = at + 2;
            at++;
        }
    }
}

static bool collect(struct search *search)
{
    struct type_table *table = search->table;
    search->wanted = malloc((table->count + 1) * sizeof *search->wanted);
    search->own = malloc((table->count + 1) * sizeof *search->own);
    if (search->wanted == NULL || search->own == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        struct type_entry *entry = &table->entries[i];
        if (entry->type.kind != LAYOUT_UNKNOWN || entry->trouble != NULL ||
            entry->die.addr == NULL || !is_type(dwarf_tag(&entry->die)) ||
            *die_name(&entry->die) == '\0') {
            continue;
        }
        const char *own = die_name(&entry->die);
        search->own[search->count] = hash_bytes(own, strlen(own));
        name_filter_add(&search->filter, table->file->dwarf, own);
        search->wanted[search->count++] = (struct wanted){.entry = i, .name = entry->type.name};
        add_scopes(search, draft_string_at(table->draft, entry->type.name));
    }
    qsort(search->own, search->count, sizeof *search->own, compare);
    if (search->around_count > 0) {
        qsort(search->around, search->around_count, sizeof *search->around, compare);
    }
    return search->count > 0 && !search->failed;
}

/* ---- looking ---- */

static bool is_same(Dwarf_Die *one, Dwarf_Die *other)
{
    uint64_t size = 0, other_size = 0, line = 0, other_line = 0;
    (void)die_unsigned(one, DW_AT_byte_size, &size);
    (void)die_unsigned(other, DW_AT_byte_size, &other_size);
    (void)die_unsigned(one, DW_AT_decl_line, &line);
    (void)die_unsigned(other, DW_AT_decl_line, &other_line);
    return size == other_size && line == other_line;
}

static void take(struct search *search, Dwarf_Die *die)
{
    uint64_t size;
    if (die_declares(die) || !die_unsigned(die, DW_AT_byte_size, &size)) {
        return;
    }
    struct type_entry entry = {.die = *die};
    uint32_t name = type_table_name(search->table, &entry);
    for (size_t i = 0; i < search->count; i++) {
        struct wanted *wanted = &search->wanted[i];
        if (wanted->name != name) {
            continue;
        }
        if (wanted->found.addr == NULL) {
            wanted->found = *die;
        } else if (!is_same(&wanted->found, die)) {
            wanted->twice = true;
        }
    }
}

static void look_below(struct search *search, Dwarf_Die *around, unsigned deep)
{
    Dwarf_Die child;
    if (deep > DEEP_MOST || !die_child(around, &child)) {
        return;
    }
    do {
        int tag = dwarf_tag(&child);
        bool type = is_type(tag);
        if (++search->visits > VISITS_MOST) {
            return;
        }
        if (!type && tag != DW_TAG_namespace) {
            continue;
        }
        const char *name = die_name(&child);
        if (type && *name != '\0' && has(search->own, search->count, name)) {
            take(search, &child);
        }
        if (search->around_count > 0 &&
            (*name == '\0' || has(search->around, search->around_count, name))) {
            look_below(search, &child, deep + 1);
        }
    } while (die_next(&child));
}

static void look_everywhere(struct search *search)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit, contents;
    Dwarf_Half version;
    uint8_t type;
    while (search->visits <= VISITS_MOST && search->splits <= SPLIT_MOST &&
           dwarf_get_units(search->table->file->dwarf, cu, &cu, &version, &type, &unit, NULL) ==
               0) {
        /* The strings of a skeleton are not those of what it stands for. */
        bool may = type == DW_UT_skeleton || name_filter_may(&search->filter, &unit);
        if (may && function_unit(search->table->file, &unit, &contents)) {
            look_below(search, &contents, 0);
            search->splits += contents.addr != unit.addr;
        }
    }
}

bool definition_find_all(struct type_table *table)
{
    struct search search = {.table = table};
    bool some = false;
    name_filter_init(&search.filter, table->file->dwarf);
    if (collect(&search)) {
        look_everywhere(&search);
        for (size_t i = 0; i < search.count; i++) {
            const struct wanted *wanted = &search.wanted[i];
            if (wanted->found.addr != NULL && !wanted->twice) {
                table->entries[wanted->entry].die = wanted->found;
                type_reading_one(table, wanted->entry);
                some = true;
            }
        }
    }
    free(search.wanted);
    free(search.own);
    free(search.around);
    return some;
}
