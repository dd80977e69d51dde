#include "layout/pair.h"

#include "base/sorted.h"

#include <string.h>

/* ---- types that are meant ---- */

/* One type can have two numbers, from two sources that were compiled apart. */
static bool is_type(const struct layout *layout, uint32_t number, uint32_t wanted)
{
    if (number == wanted) {
        return true;
    }
    const struct layout_type *type = &layout->types[number], *other = &layout->types[wanted];
    return type->kind == other->kind && type->size == other->size && type->kind != LAYOUT_ARRAY &&
           type->kind != LAYOUT_POINTER && type->name != 0 &&
           strcmp(layout_string(layout, type->name), layout_string(layout, other->name)) == 0;
}

/* `void`, or bytes: a pointer to it means the whole of what begins there. */
static bool means_any(const struct layout *layout, uint32_t wanted)
{
    return wanted == LAYOUT_NONE || layout->types[wanted].kind == LAYOUT_UNKNOWN ||
           layout->types[wanted].kind == LAYOUT_CHAR;
}

/* `looks` bounds what types that lie over each other cost. */
static bool look_for_type(const struct layout *layout, uint32_t number, uint32_t wanted,
                          unsigned *looks)
{
    const struct layout_type *type = &layout->types[number];
    if (is_type(layout, number, wanted)) {
        return true;
    }
    if (type->kind == LAYOUT_ARRAY) {
        return look_for_type(layout, type->target, wanted, looks);
    }
    if (type->kind != LAYOUT_STRUCT && type->kind != LAYOUT_UNION) {
        return false;
    }
    for (uint32_t i = 0; i<type->count && * looks> 0; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        if (field->offset == 0) {
            --*looks;
            if (look_for_type(layout, field->type, wanted, looks)) {
                return true;
            }
        }
    }
    return false;
}

/* A value of the type begins where one of `wanted` begins, too. */
static bool begins_with(const struct layout *layout, uint32_t number, uint32_t wanted)
{
    unsigned looks = 1024;
    return look_for_type(layout, number, wanted, &looks);
}

/* ---- the way down ---- */

static uint64_t old_size(const struct pairs *pairs, uint32_t pair)
{
    return pairs->from->types[pairs->list[pair].from].size;
}

static uint64_t new_size(const struct pairs *pairs, uint32_t pair)
{
    return pairs->to->types[pairs->list[pair].to].size;
}

/* Of links, which are in the order of offsets, the last one that begins at or before. */
static const struct link *link_at(const struct pairs *pairs, const struct pair *pair,
                                  uint64_t offset)
{
    if (pair->link_count == 0) {
        return NULL;
    }
    const struct link *links = &pairs->links[pair->first_link];
    size_t low =
        sorted_upto(links, pair->link_count, sizeof *links, offsetof(struct link, from), offset);
    return low == 0 ? NULL : &links[low - 1];
}

/* An array of what is wanted ends here, and nothing of that kind begins. */
static const struct link *ended_by(const struct pairs *pairs, const struct pair *pair,
                                   const struct link *link, uint64_t offset, uint32_t wanted)
{
    if (link->from != offset || link == &pairs->links[pair->first_link] || wanted == LAYOUT_NONE ||
        begins_with(pairs->from, link->from_type, wanted)) {
        return link;
    }
    const struct link *before = link - 1;
    const struct layout_type *type = &pairs->from->types[before->from_type];
    bool ends = type->kind == LAYOUT_ARRAY && before->from + type->size == offset &&
                is_type(pairs->from, type->target, wanted);
    return ends ? before : link;
}

/* Into the element; true with *offset 0 and *pair LAYOUT_NONE: the end of the array. */
static bool step_into_element(const struct pairs *pairs, uint32_t *pair, uint64_t *offset,
                              uint64_t *place)
{
    const struct pair *whole = &pairs->list[*pair];
    const struct layout_type *from = &pairs->from->types[whole->from];
    const struct layout_type *to = &pairs->to->types[whole->to];
    if (from->kind != LAYOUT_ARRAY || to->kind != LAYOUT_ARRAY) { /* one, and an array of one */
        *pair = whole->element;
        return true;
    }
    uint64_t from_step = old_size(pairs, whole->element);
    uint64_t to_step = new_size(pairs, whole->element);
    uint64_t index = from_step == 0 ? 0 : *offset / from_step;
    uint64_t rest = from_step == 0 ? 0 : *offset % from_step;
    if (rest == 0 && index == from->elements) {
        *place += to_step * (index < to->elements ? index : to->elements);
        *pair = LAYOUT_NONE;
        return true;
    }
    *place += to_step * index;
    *offset = rest;
    *pair = whole->element;
    return index < to->elements;
}

/* What begins here is what is meant, not only something in it. */
static bool is_whole(const struct pairs *pairs, const struct pair *pair, uint32_t wanted)
{
    return means_any(pairs->from, wanted) || is_type(pairs->from, pair->from, wanted);
}

/* A pointer that was cast: no such thing begins here. */
static bool is_cast(const struct pairs *pairs, const struct pair *pair, uint32_t wanted)
{
    uint32_t kind = pairs->from->types[wanted].kind;
    return (kind == LAYOUT_STRUCT || kind == LAYOUT_UNION || kind == LAYOUT_FUNCTION) &&
           !begins_with(pairs->from, pair->from, wanted);
}

bool pair_place(const struct pairs *pairs, uint32_t number, uint64_t offset, uint32_t wanted,
                uint64_t *place)
{
    *place = 0;
    while (number != LAYOUT_NONE) {
        const struct pair *pair = &pairs->list[number];
        uint64_t size = old_size(pairs, number);
        if ((pair->flags & PAIR_NONE) != 0 || offset > size) {
            return false;
        }
        if ((pair->flags & PAIR_LIKE) != 0) {
            *place += offset;
            return true;
        }
        if (offset == 0 && (is_whole(pairs, pair, wanted) || is_cast(pairs, pair, wanted))) {
            return true;
        }
        if (pair->element != LAYOUT_NONE) {
            if (!step_into_element(pairs, &number, &offset, place)) {
                return false;
            }
            continue;
        }
        const struct link *link = link_at(pairs, pair, offset);
        if (link == NULL || (offset == size && is_whole(pairs, pair, wanted))) {
            *place += offset == size ? new_size(pairs, number) : offset;
            return offset == size || (pairs->from->types[pair->from].kind != LAYOUT_STRUCT &&
                                      offset < new_size(pairs, number));
        }
        link = ended_by(pairs, pair, link, offset, wanted);
        if (link->pair == LAYOUT_NONE) {
            return false;
        }
        *place += link->to;
        offset -= link->from;
        number = link->pair;
    }
    return true;
}

/* ---- unions ---- */

struct search { /* for a pointer in a union */
    const struct layout *layout;
    const struct bound *bound; /* where it leads */
    uint32_t found;
    unsigned suits;
    unsigned looks; /* bounds what types that lie over each other cost */
};

static unsigned how_well(const struct layout *layout, const struct bound *bound, uint32_t pointee)
{
    bool same = bound->what == POINTEE_HEAP && bound->object->type < layout->head->types &&
                is_type(layout, bound->object->type, pointee);
    return same ? 2 : bind_suits(layout, bound, pointee);
}

static void find_pointer(struct search *search, uint32_t number)
{
    const struct layout *layout = search->layout;
    unsigned suits = how_well(layout, search->bound, layout->types[number].target);
    if (search->found == LAYOUT_NONE || suits > search->suits) {
        search->found = number;
        search->suits = suits;
    }
}

/* Whether there is one at this offset in each member. */
static bool look_for_pointer(struct search *search, uint32_t number, uint64_t offset)
{
    const struct layout *layout = search->layout;
    const struct layout_type *type = &layout->types[number];
    if (type->kind == LAYOUT_POINTER && (type->flags & LAYOUT_OFFSET) == 0 && offset == 0) {
        find_pointer(search, number);
        return true;
    }
    if (type->kind == LAYOUT_ARRAY && offset < type->size) {
        return look_for_pointer(search, type->target, offset % layout->types[type->target].size);
    }
    if (type->kind != LAYOUT_STRUCT && type->kind != LAYOUT_UNION) {
        return false;
    }
    bool surely = type->count > 0, some = false;
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        bool there =
            offset >= field->offset && offset - field->offset < layout->types[field->type].size;
        if (there && search->looks > 0) {
            search->looks--;
            some = true;
            surely = look_for_pointer(search, field->type, offset - field->offset) && surely;
        } else if (there || type->kind == LAYOUT_UNION) {
            surely = false;
        }
    }
    return surely && some;
}

uint32_t pair_pointer_in(const struct layout *layout, uint32_t type, uint64_t offset,
                         const struct bound *bound, bool *surely)
{
    struct search search = {layout, bound, LAYOUT_NONE, 0, 4096};
    *surely = look_for_pointer(&search, type, offset);
    return search.found;
}

/* All bits of the places at which pointers begin, from `offset` on; a bit above: there are some. */
static uint64_t place_bits(const struct layout *layout, uint32_t number, uint64_t offset)
{
    const struct layout_type *type = &layout->types[number];
    uint64_t bits = 0;
    switch (type->kind) {
    case LAYOUT_POINTER:
        return (type->flags & LAYOUT_OFFSET) != 0 ? 0
                                                  : offset % sizeof(uint64_t) + sizeof(uint64_t);
    case LAYOUT_ARRAY:
        bits = place_bits(layout, type->target, offset);
        return bits == 0 || type->elements < 2
                   ? bits
                   : bits | layout->types[type->target].size % sizeof(uint64_t);
    case LAYOUT_STRUCT:
    case LAYOUT_UNION:
        for (uint32_t i = 0; i < type->count; i++) {
            const struct layout_field *field = &layout->fields[type->first + i];
            bits |= place_bits(layout, field->type, offset + field->offset);
        }
        return bits;
    default:
        return 0;
    }
}

uint64_t pair_pointer_step(const struct layout *layout, uint32_t type)
{
    uint64_t bits = place_bits(layout, type, 0);
    return bits & -bits;
}
