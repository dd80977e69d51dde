#include "layout/within.h"

#include <string.h>

/* ---- types ---- */

bool within_same(const struct layout *layout, uint32_t number, uint32_t wanted)
{
    if (number == wanted) {
        return true;
    }
    const struct layout_type *type = &layout->types[number], *other = &layout->types[wanted];
    return type->kind == other->kind && type->size == other->size && type->kind != LAYOUT_ARRAY &&
           type->kind != LAYOUT_POINTER && type->name != 0 &&
           strcmp(layout_string(layout, type->name), layout_string(layout, other->name)) == 0;
}

bool within_any(const struct layout *layout, uint32_t wanted)
{
    return wanted == LAYOUT_NONE || layout->types[wanted].kind == LAYOUT_UNKNOWN ||
           layout->types[wanted].kind == LAYOUT_CHAR;
}

/* `looks` bounds what types that lie over each other cost. */
static bool look_for_type(const struct layout *layout, uint32_t number, uint32_t wanted,
                          unsigned *looks)
{
    const struct layout_type *type = &layout->types[number];
    if (within_same(layout, number, wanted)) {
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

bool within_begins(const struct layout *layout, uint32_t number, uint32_t wanted)
{
    unsigned looks = 1024;
    return look_for_type(layout, number, wanted, &looks);
}

/* ---- pointers ---- */

struct search {
    const struct layout *layout;
    const struct bound *bound; /* where it leads */
    uint32_t found;
    unsigned suits;
    unsigned looks; /* bounds what types that lie over each other cost */
};

static unsigned how_well(const struct layout *layout, const struct bound *bound, uint32_t pointee)
{
    bool same = bound->what == POINTEE_HEAP && bound->object->type < layout->head->types &&
                within_same(layout, bound->object->type, pointee);
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

uint32_t within_pointer(const struct layout *layout, uint32_t type, uint64_t offset,
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

uint64_t within_pointer_step(const struct layout *layout, uint32_t type)
{
    uint64_t bits = place_bits(layout, type, 0);
    return bits & -bits;
}
