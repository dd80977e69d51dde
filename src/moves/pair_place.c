#include "moves/pair.h"

#include "base/sorted.h"
#include "layout/within.h"

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
        within_begins(pairs->from, link->from_type, wanted)) {
        return link;
    }
    const struct link *before = link - 1;
    const struct layout_type *type = &pairs->from->types[before->from_type];
    bool ends = type->kind == LAYOUT_ARRAY && before->from + type->size == offset &&
                within_same(pairs->from, type->target, wanted);
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
    return within_any(pairs->from, wanted) || within_same(pairs->from, pair->from, wanted);
}

/* A pointer that was cast: no such thing begins here. */
static bool is_cast(const struct pairs *pairs, const struct pair *pair, uint32_t wanted)
{
    uint32_t kind = pairs->from->types[wanted].kind;
    return (kind == LAYOUT_STRUCT || kind == LAYOUT_UNION || kind == LAYOUT_FUNCTION) &&
           !within_begins(pairs->from, pair->from, wanted);
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
