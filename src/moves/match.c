#include "moves/match.h"

#include "base/array.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* ---- listing ---- */

static bool is_member(const struct layout *layout, const struct layout_field *field)
{
    return (field->flags & LAYOUT_MEMBERS) == 0 || layout->types[field->type].kind != LAYOUT_STRUCT;
}

static bool add(struct members *members, struct member member)
{
    if (!array_reserve(&members->list, &members->room, members->count + 1, sizeof *members->list)) {
        return false;
    }
    members->list[members->count++] = member;
    return true;
}

/* No deeper than types lie in each other. */
static bool list_members(const struct layout *layout, const struct layout_type *type,
                         uint64_t offset, struct members *members, uint64_t *budget)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        if (*budget == 0) {
            return false;
        }
        --*budget;
        bool ok = is_member(layout, field)
                      ? add(members, (struct member){.field = field,
                                                     .name = layout_string(layout, field->name),
                                                     .offset = offset + field->offset,
                                                     .source = LAYOUT_NONE})
                      : list_members(layout, &layout->types[field->type], offset + field->offset,
                                     members, budget);
        if (!ok) {
            return false;
        }
    }
    return true;
}

void match_finish(struct members *members)
{
    free(members->list);
    *members = (struct members){0};
}

/* ---- finding ---- */

struct names { /* the old members by their names */
    const struct members *old;
    uint32_t *slots;
    uint32_t mask;
};

#define NAMELESS (LAYOUT_VTABLE | LAYOUT_MEMBERS)
#define SORT_OF  (LAYOUT_BASE | NAMELESS)
#define LOOKS    64 /* at unions without a name, at members of one, for renamed fields */

/* The slot of the member, or the free one where it belongs. A base class is no field, whatever it
 * is called. */
static uint32_t slot_of(const struct names *names, const char *name, uint32_t sort)
{
    uint32_t slot = (uint32_t)hash_bytes(name, strlen(name)) & names->mask;
    for (; names->slots[slot] != LAYOUT_NONE; slot = (slot + 1) & names->mask) {
        const struct member *member = &names->old->list[names->slots[slot]];
        if ((member->field->flags & SORT_OF) == sort && strcmp(member->name, name) == 0) {
            break;
        }
    }
    return slot;
}

/* Of equal names, which only damaged layouts have, the first counts. */
static bool names_create(struct names *names, const struct members *old)
{
    uint32_t size = 16;
    while (size < old->count * 2) {
        size *= 2;
    }
    *names = (struct names){old, malloc(size * sizeof *names->slots), size - 1};
    if (names->slots == NULL) {
        return false;
    }
    memset(names->slots, 0xff, size * sizeof *names->slots);
    for (uint32_t i = 0; i < old->count; i++) {
        const struct member *member = &old->list[i];
        if ((member->field->flags & NAMELESS) == 0) {
            uint32_t slot = slot_of(names, member->name, member->field->flags & SORT_OF);
            names->slots[slot] = names->slots[slot] == LAYOUT_NONE ? i : names->slots[slot];
        }
    }
    return true;
}

/* LAYOUT_NONE also when it is taken. */
static uint32_t names_find(const struct names *names, const char *name, uint32_t sort)
{
    uint32_t found = names->slots[slot_of(names, name, sort)];
    return found == LAYOUT_NONE || names->old->list[found].taken ? LAYOUT_NONE : found;
}

/* ---- matching ---- */

struct match {
    const struct layout *from, *to;
    struct members *old, *fresh;
    struct names names;
};

static void take(struct match *match, struct member *fresh, uint32_t source)
{
    fresh->source = source;
    if (source != LAYOUT_NONE) {
        match->old->list[source].taken = true;
    }
}

/* A new name that the old struct had, too, is that of the old field: the mark has done its work,
 * unless that field itself has got another name. Those that this frees come in the next round. */
static bool take_some_renamed(struct match *match)
{
    bool some = false;
    for (uint32_t i = 0; i < match->fresh->count; i++) {
        struct member *fresh = &match->fresh->list[i];
        if (fresh->field->old_name == LAYOUT_NONE || fresh->source != LAYOUT_NONE ||
            names_find(&match->names, fresh->name, 0) != LAYOUT_NONE) {
            continue;
        }
        const char *old_name = layout_string(match->to, fresh->field->old_name);
        take(match, fresh, names_find(&match->names, old_name, 0));
        some = some || fresh->source != LAYOUT_NONE;
    }
    return some;
}

static void take_renamed(struct match *match)
{
    for (int round = 0; round < LOOKS && take_some_renamed(match); round++) {
    }
}

static bool shares_a_name(const struct match *match, const struct layout_type *from,
                          const struct layout_type *to)
{
    for (uint32_t i = 0; i < to->count && i < LOOKS; i++) {
        const char *name = layout_string(match->to, match->to->fields[to->first + i].name);
        for (uint32_t k = 0; k < from->count && k < LOOKS; k++) {
            const struct layout_field *field = &match->from->fields[from->first + k];
            if (*name != '\0' && strcmp(layout_string(match->from, field->name), name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Unions without names are told apart by a name in them, tables of virtual functions by nothing:
 * a compiler makes up its own name for them. */
static uint32_t find_nameless(const struct match *match, const struct member *fresh)
{
    uint32_t sort = fresh->field->flags & SORT_OF;
    const struct layout_type *type = &match->to->types[fresh->field->type];
    for (uint32_t i = 0, looks = 0; i < match->old->count && looks < LOOKS; i++) {
        const struct member *old = &match->old->list[i];
        if (old->taken || (old->field->flags & SORT_OF) != sort) {
            continue;
        }
        looks++;
        if ((sort & LAYOUT_VTABLE) != 0 ||
            (type->kind == LAYOUT_UNION &&
             match->from->types[old->field->type].kind == LAYOUT_UNION &&
             shares_a_name(match, &match->from->types[old->field->type], type))) {
            return i;
        }
    }
    return LAYOUT_NONE;
}

static void take_by_name(struct match *match)
{
    uint32_t looks = 0;
    for (uint32_t i = 0; i < match->fresh->count; i++) {
        struct member *fresh = &match->fresh->list[i];
        uint32_t sort = fresh->field->flags & SORT_OF;
        if (fresh->source != LAYOUT_NONE) {
            continue;
        }
        if ((sort & NAMELESS) == 0) {
            take(match, fresh, names_find(&match->names, fresh->name, sort));
        } else if (looks++ < LOOKS) {
            take(match, fresh, find_nameless(match, fresh));
        }
    }
}

bool match_members(const struct layout *from, const struct layout_type *from_type,
                   const struct layout *to, const struct layout_type *to_type, struct members *old,
                   struct members *fresh, uint64_t *budget)
{
    struct match match = {.from = from, .to = to, .old = old, .fresh = fresh};
    *old = (struct members){0};
    *fresh = (struct members){0};
    if (list_members(from, from_type, 0, old, budget) &&
        list_members(to, to_type, 0, fresh, budget) && names_create(&match.names, old)) {
        take_renamed(&match);
        take_by_name(&match);
        free(match.names.slots);
        return true;
    }
    match_finish(old);
    match_finish(fresh);
    return false;
}
