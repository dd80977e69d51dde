#include "layout/twins.h"

#include "base/hash.h"
#include "layout/match.h"

#include <stdlib.h>
#include <string.h>

#define NOT_LOOKED_FOR (LAYOUT_NONE - 1)
#define STEPS_MOST     64 /* pointers to pointers to arrays */
#define BUDGET         (UINT64_C(4) * LAYOUT_FIELDS_MOST)

struct twins {
    const struct layout *from, *to;
    uint32_t *found;   /* [old] = new */
    uint32_t *slots;   /* new types with a name, by it; NULL: not made yet */
    uint32_t *pointed; /* [old] = new, by pointers of one name; NULL: not made yet */
    uint32_t mask;
};

struct twins *twins_create(const struct layout *from, const struct layout *to)
{
    struct twins *twins = calloc(1, sizeof *twins);
    if (twins == NULL) {
        return NULL;
    }
    twins->from = from;
    twins->to = to;
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
        free(twins->slots);
        free(twins->pointed);
        free(twins);
    }
}

/* ---- by name ---- */

static uint32_t first_slot(const struct twins *twins, const char *name)
{
    return (uint32_t)hash_bytes(name, strlen(name)) & twins->mask;
}

static bool index_names(struct twins *twins)
{
    uint32_t size = 64;
    while (size < twins->to->head->types * 2) {
        size *= 2;
    }
    twins->slots = malloc(size * sizeof *twins->slots);
    if (twins->slots == NULL) {
        return false;
    }
    memset(twins->slots, 0xff, size * sizeof *twins->slots);
    twins->mask = size - 1;
    for (uint32_t i = 0; i < twins->to->head->types; i++) {
        const char *name = layout_string(twins->to, twins->to->types[i].name);
        uint32_t slot = first_slot(twins, name);
        while (*name != '\0' && twins->slots[slot] != LAYOUT_NONE) {
            slot = (slot + 1) & twins->mask;
        }
        twins->slots[slot] = *name != '\0' ? i : twins->slots[slot];
    }
    return true;
}

/* Of several with one name (static types of two files), the one that is most like it. */
static uint32_t find_name(struct twins *twins, const struct layout_type *old)
{
    const char *name = layout_string(twins->from, old->name);
    uint32_t found = LAYOUT_NONE;
    if (*name == '\0' || (twins->slots == NULL && !index_names(twins))) {
        return LAYOUT_NONE;
    }
    unsigned looks = 0;
    for (uint32_t slot = first_slot(twins, name); twins->slots[slot] != LAYOUT_NONE && looks < 1024;
         slot = (slot + 1) & twins->mask) {
        const struct layout_type *type = &twins->to->types[twins->slots[slot]];
        looks++;
        if (type->kind != old->kind || strcmp(layout_string(twins->to, type->name), name) != 0) {
            continue;
        }
        if (type->size == old->size && type->count == old->count) {
            return twins->slots[slot];
        }
        found = found == LAYOUT_NONE ? twins->slots[slot] : found;
    }
    return found;
}

/* ---- by pointers ---- */

struct walk { /* over pairs of types that fields of one name have, each old type once */
    struct twins *twins;
    uint32_t *queue; /* old types; twins->pointed has their new ones */
    uint32_t count;
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

static bool follow_pointers(struct twins *twins)
{
    const struct layout *from = twins->from, *to = twins->to;
    uint32_t count = from->head->types;
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
    for (uint32_t i = 0; i < from->head->marks; i++) {
        uint32_t old = from->marks[i].type, fresh = find_name(twins, &from->types[old]);
        if (fresh != LAYOUT_NONE) {
            meet(&walk, old, fresh);
        }
    }
    for (uint32_t i = 0; i < walk.count; i++) {
        uint32_t old = walk.queue[i];
        const struct layout_type *type = &from->types[old];
        const struct layout_type *other = &to->types[twins->pointed[old]];
        if (type->kind == LAYOUT_ARRAY || type->kind == LAYOUT_POINTER) {
            meet(&walk, type->target, other->target);
        } else if (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) {
            meet_members(&walk, type, other);
        }
    }
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
    bool outer = old->kind == LAYOUT_ARRAY || old->kind == LAYOUT_POINTER;
    if (outer) {
        if (steps == 0) {
            return LAYOUT_NONE;
        }
        const struct layout_type *inner = &twins->from->types[old->target];
        target = find_name(twins, inner);
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
    uint32_t found = find_name(twins, &twins->from->types[old]);
    if (found == LAYOUT_NONE && (twins->pointed != NULL || follow_pointers(twins))) {
        found = twins->pointed[old];
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
