#include "moves/twins.h"

#include "base/hash.h"
#include "moves/match.h"

#include <stdlib.h>
#include <string.h>

#define NOT_LOOKED_FOR (LAYOUT_NONE - 1)
#define STEPS_MOST     64 /* pointers to pointers to arrays */
#define LIKE_MOST      64 /* fields that are compared by their names */
#define BUDGET         (UINT64_C(4) * LAYOUT_FIELDS_MOST)

struct names { /* types that have one, by it: a table of their numbers; NULL: not made yet */
    const struct layout *layout;
    uint32_t *slots;
    uint32_t mask;
};

struct twins {
    const struct layout *from, *to;
    uint32_t *found; /* [old] = new */
    struct names old, fresh;
    uint32_t *pointed; /* [old] = new, by pointers of one name; NULL: not made yet */
};

struct twins *twins_create(const struct layout *from, const struct layout *to)
{
    struct twins *twins = calloc(1, sizeof *twins);
    if (twins == NULL) {
        return NULL;
    }
    twins->from = twins->old.layout = from;
    twins->to = twins->fresh.layout = to;
    twins->found = malloc(from->head->types * sizeof *twins->found);
    if (twins->found == NULL) {
        free(twins);
        return NULL;
    }
    for (uint32_t i = 0; i < from->head->types; i++) {
        twins->found[i] = NOT_LOOKED_FOR;
    }
    return twins;
}

void twins_destroy(struct twins *twins)
{
    if (twins != NULL) {
        free(twins->found);
        free(twins->old.slots);
        free(twins->fresh.slots);
        free(twins->pointed);
        free(twins);
    }
}

/* ---- by name ---- */

static uint32_t first_slot(const struct names *names, const char *name)
{
    return (uint32_t)hash_bytes(name, strlen(name)) & names->mask;
}

static bool index_names(struct names *names)
{
    const struct layout *layout = names->layout;
    uint32_t size = 64;
    while (size < layout->head->types * 2) {
        size *= 2;
    }
    names->slots = malloc(size * sizeof *names->slots);
    if (names->slots == NULL) {
        return false;
    }
    memset(names->slots, 0xff, size * sizeof *names->slots);
    names->mask = size - 1;
    for (uint32_t i = 0; i < layout->head->types; i++) {
        const char *name = layout_string(layout, layout->types[i].name);
        uint32_t slot = first_slot(names, name);
        while (*name != '\0' && names->slots[slot] != LAYOUT_NONE) {
            slot = (slot + 1) & names->mask;
        }
        names->slots[slot] = *name != '\0' ? i : names->slots[slot];
    }
    return true;
}

struct search { /* for the types of a name and a kind */
    const struct names *names;
    const char *name;
    uint32_t kind, slot;
    unsigned looks;
};

static bool search_begin(struct search *search, struct names *names, const char *name,
                         uint32_t kind)
{
    if (*name == '\0' || (names->slots == NULL && !index_names(names))) {
        return false;
    }
    *search = (struct search){names, name, kind, first_slot(names, name), 0};
    return true;
}

/* LAYOUT_NONE: there are no more. */
static uint32_t search_next(struct search *search)
{
    const struct names *names = search->names;
    while (names->slots[search->slot] != LAYOUT_NONE && search->looks < 1024) {
        uint32_t number = names->slots[search->slot];
        const struct layout_type *type = &names->layout->types[number];
        search->slot = (search->slot + 1) & names->mask;
        search->looks++;
        if (type->kind == search->kind &&
            strcmp(layout_string(names->layout, type->name), search->name) == 0) {
            return number;
        }
    }
    return LAYOUT_NONE;
}

static bool is_one_of_several(struct names *names, const char *name, uint32_t kind)
{
    struct search search;
    return search_begin(&search, names, name, kind) && search_next(&search) != LAYOUT_NONE &&
           search_next(&search) != LAYOUT_NONE;
}

/* How many of the fields have a name that the other has, too; one more where all is as it was. */
static uint32_t likeness(const struct twins *twins, const struct layout_type *old,
                         const struct layout_type *fresh)
{
    const struct layout *from = twins->from, *to = twins->to;
    uint32_t like = old->size == fresh->size && old->count == fresh->count;
    bool fields = old->kind == LAYOUT_STRUCT || old->kind == LAYOUT_UNION;
    for (uint32_t i = 0; fields && i < old->count && i < LIKE_MOST; i++) {
        const char *name = layout_string(from, from->fields[old->first + i].name);
        for (uint32_t k = 0; k < fresh->count && k < LIKE_MOST; k++) {
            if (strcmp(name, layout_string(to, to->fields[fresh->first + k].name)) == 0) {
                like += 2;
                break;
            }
        }
    }
    return like;
}

/* Of several with one name (types of two files), the one that is most like it. `alone`: there is
 * one in each layout. */
static uint32_t find_name(struct twins *twins, const struct layout_type *old, bool *alone)
{
    const char *name = layout_string(twins->from, old->name);
    uint32_t found = LAYOUT_NONE, most = 0;
    struct search search;
    *alone = true;
    if (!search_begin(&search, &twins->fresh, name, old->kind)) {
        return LAYOUT_NONE;
    }
    *alone = !is_one_of_several(&twins->fresh, name, old->kind) &&
             !is_one_of_several(&twins->old, name, old->kind);
    for (uint32_t i = search_next(&search); i != LAYOUT_NONE; i = search_next(&search)) {
        uint32_t like = *alone ? 1 : likeness(twins, old, &twins->to->types[i]);
        if (like > most) {
            found = i;
            most = like;
        }
    }
    return found;
}

/* ---- by pointers ---- */

struct walk { /* over pairs of types that fields of one name have, each old type once */
    struct twins *twins;
    uint32_t *queue; /* old types; twins->pointed has their new ones */
    uint32_t count, next;
    uint64_t budget;
};

static void meet(struct walk *walk, uint32_t old, uint32_t fresh)
{
    uint32_t *pointed = walk->twins->pointed;
    if (pointed[old] == LAYOUT_NONE &&
        walk->twins->from->types[old].kind == walk->twins->to->types[fresh].kind) {
        pointed[old] = fresh;
        walk->queue[walk->count++] = old;
    }
}

static void meet_members(struct walk *walk, const struct layout_type *from,
                         const struct layout_type *to)
{
    struct members old, fresh;
    if (!match_members(walk->twins->from, from, walk->twins->to, to, &old, &fresh, &walk->budget)) {
        return;
    }
    for (uint32_t i = 0; i < fresh.count; i++) {
        if (fresh.list[i].source != LAYOUT_NONE) {
            meet(walk, old.list[fresh.list[i].source].field->type, fresh.list[i].field->type);
        }
    }
    match_finish(&old);
    match_finish(&fresh);
}

static void follow(struct walk *walk)
{
    struct twins *twins = walk->twins;
    for (; walk->next < walk->count; walk->next++) {
        uint32_t old = walk->queue[walk->next];
        const struct layout_type *type = &twins->from->types[old];
        const struct layout_type *other = &twins->to->types[twins->pointed[old]];
        if (type->kind == LAYOUT_ARRAY || type->kind == LAYOUT_POINTER) {
            meet(walk, type->target, other->target);
        } else if (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) {
            meet_members(walk, type, other);
        }
    }
}

static void meet_variables(struct walk *walk)
{
    const struct layout *from = walk->twins->from, *to = walk->twins->to;
    for (uint32_t i = 0; i < from->head->variables; i++) {
        const struct layout_variable *old = &from->variables[i];
        const struct layout_variable *fresh = layout_variable_named(
            to, layout_string(from, old->file), layout_string(from, old->function),
            layout_string(from, old->name), (old->flags & LAYOUT_GLOBAL) != 0);
        if (fresh != NULL) {
            meet(walk, old->type, fresh->type);
        }
    }
    follow(walk);
}

/* What a name tells for certain comes before what is only most alike. */
static void meet_marks(struct walk *walk, bool certain)
{
    const struct layout *from = walk->twins->from;
    for (uint32_t i = 0; i < from->head->marks; i++) {
        bool alone;
        uint32_t old = from->marks[i].type;
        uint32_t fresh = find_name(walk->twins, &from->types[old], &alone);
        if (fresh != LAYOUT_NONE && alone == certain) {
            meet(walk, old, fresh);
        }
    }
    follow(walk);
}

static bool follow_pointers(struct twins *twins)
{
    uint32_t count = twins->from->head->types;
    struct walk walk = {.twins = twins, .budget = BUDGET};
    twins->pointed = malloc(count * sizeof *twins->pointed);
    walk.queue = malloc(count * sizeof *walk.queue);
    if (twins->pointed == NULL || walk.queue == NULL) {
        free(walk.queue);
        free(twins->pointed);
        twins->pointed = NULL;
        return false;
    }
    memset(twins->pointed, 0xff, count * sizeof *twins->pointed);
    meet(&walk, 0, 0);
    follow(&walk);
    meet_variables(&walk);
    meet_marks(&walk, true);
    meet_marks(&walk, false);
    free(walk.queue);
    return true;
}

/* ---- both ---- */

static bool is_scalar(const struct layout_type *type)
{
    return type->kind >= LAYOUT_BOOL && type->kind <= LAYOUT_ENUM;
}

/* Types without a name of their own: by what they are made of. */
static uint32_t find_shape(struct twins *twins, const struct layout_type *old, unsigned steps)
{
    uint32_t target = LAYOUT_NONE;
    bool alone, outer = old->kind == LAYOUT_ARRAY || old->kind == LAYOUT_POINTER;
    if (outer) {
        if (steps == 0) {
            return LAYOUT_NONE;
        }
        const struct layout_type *inner = &twins->from->types[old->target];
        target = find_name(twins, inner, &alone);
        target = target == LAYOUT_NONE ? find_shape(twins, inner, steps - 1) : target;
    } else if (!is_scalar(old) && old->kind != LAYOUT_UNKNOWN) {
        return LAYOUT_NONE;
    }
    for (uint32_t i = 0; i < twins->to->head->types && (!outer || target != LAYOUT_NONE); i++) {
        const struct layout_type *type = &twins->to->types[i];
        if (type->kind == old->kind && (outer ? type->target == target : true) &&
            type->size == old->size && type->flags == old->flags) {
            return i;
        }
    }
    return LAYOUT_NONE;
}

uint32_t twins_find(struct twins *twins, uint32_t old)
{
    if (twins->found[old] != NOT_LOOKED_FOR) {
        return twins->found[old];
    }
    bool alone;
    uint32_t found = find_name(twins, &twins->from->types[old], &alone);
    if ((found == LAYOUT_NONE || !alone) && (twins->pointed != NULL || follow_pointers(twins))) {
        found = twins->pointed[old] != LAYOUT_NONE ? twins->pointed[old] : found;
    }
    if (found == LAYOUT_NONE) {
        found = find_shape(twins, &twins->from->types[old], STEPS_MOST);
    }
    twins->found[old] = found;
    return found;
}

const uint32_t *twins_all(struct twins *twins)
{
    for (uint32_t i = 0; i < twins->from->head->types; i++) {
        (void)twins_find(twins, i);
    }
    return twins->found;
}
