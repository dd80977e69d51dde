#include "layout/convert.h"
#include "layout/quick.h"
#include "moves/pair_parts.h"

#include <string.h>

static const struct layout_type *old_type(const struct pairs *pairs, const struct pair *pair)
{
    return &pairs->from->types[pair->from];
}

static const struct layout_type *new_type(const struct pairs *pairs, const struct pair *pair)
{
    return &pairs->to->types[pair->to];
}

/* ---- scalars ---- */

/* Each old enumerator has its name and its number in the new enum. */
static bool enum_is_alike(struct pairs *pairs, const struct layout_type *from,
                          const struct layout_type *to)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct layout_enumerator *one = &pairs->from->enumerators[from->first + i];
        const char *name = layout_string(pairs->from, one->name);
        bool found = false;
        for (uint32_t k = 0; k < to->count && !found; k++) {
            const struct layout_enumerator *other =
                &pairs->to->enumerators[to->first + (i + k) % to->count];
            found = other->value == one->value &&
                    strcmp(name, layout_string(pairs->to, other->name)) == 0;
            if (k > 0 && !pair_spend(pairs, 1, NULL)) {
                return false;
            }
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool has_sign(const struct layout_type *type)
{
    return type->kind == LAYOUT_INT || (type->flags & LAYOUT_SIGNED) != 0;
}

/* The same bytes mean the same. */
static bool scalar_is_alike(struct pairs *pairs, const struct layout_type *from,
                            const struct layout_type *to)
{
    return from->kind == to->kind && from->size == to->size &&
           (from->kind == LAYOUT_FLOAT || from->kind == LAYOUT_BOOL ||
            has_sign(from) == has_sign(to)) &&
           (from->kind != LAYOUT_ENUM || enum_is_alike(pairs, from, to));
}

static bool zero_stays(const struct pairs *pairs, const struct layout_type *from,
                       const struct layout_type *to)
{
    unsigned char zero[16] = {0}, made[16] = {0};
    struct value value = convert_read(pairs->from, from, zero, 0, 0);
    (void)convert_write(&value, pairs->to, to, made, 0, 0);
    return memcmp(zero, made, sizeof zero) == 0;
}

static bool compile_scalar(struct pairs *pairs, struct pair *pair, struct error *err)
{
    const struct layout_type *from = old_type(pairs, pair), *to = new_type(pairs, pair);
    bool lossless;
    struct move move = {.kind = MOVE_COPY, .size = from->size};
    if (!convert_allows(pairs->from, from, pairs->to, to, &lossless)) {
        pair->flags = PAIR_NONE;
        return true;
    }
    pair->flags = PAIR_SCALAR | PAIR_LIKE;
    if (!scalar_is_alike(pairs, from, to)) {
        move = (struct move){.kind = MOVE_CONVERT,
                             .quick_from = (uint8_t)quick_kind(from),
                             .quick_to = (uint8_t)quick_kind(to),
                             .from_type = pair->from,
                             .to_type = pair->to};
        if (from->kind == LAYOUT_ENUM && to->kind == LAYOUT_ENUM) {
            move.quick_from = QUICK_NONE; /* by name */
        }
        pair->flags = PAIR_SCALAR | (zero_stays(pairs, from, to) ? 0 : PAIR_STIRS);
    }
    return pair_push(pairs, pair, &move, err);
}

static bool compile_pointer(struct pairs *pairs, struct pair *pair, struct error *err)
{
    struct move move = {.kind = MOVE_POINTER, .from_type = pair->from, .to_type = pair->to};
    uint32_t from = old_type(pairs, pair)->flags, to = new_type(pairs, pair)->flags;
    if (((from ^ to) & LAYOUT_OFFSET) != 0) {
        pair->flags = PAIR_NONE;
        return true;
    }
    pair->flags = PAIR_SCALAR | PAIR_LIKE | PAIR_POINTERS;
    pair->flags |= (from & LAYOUT_OFFSET) != 0 ? PAIR_OFFSETS | PAIR_STIRS : 0;
    return pair_push(pairs, pair, &move, err);
}

static bool compile_bytes(struct pairs *pairs, struct pair *pair, struct error *err)
{
    const struct layout_type *from = old_type(pairs, pair), *to = new_type(pairs, pair);
    if (from->size != to->size || from->elements != to->elements ||
        strcmp(layout_string(pairs->from, from->name), layout_string(pairs->to, to->name)) != 0) {
        pair->flags = PAIR_NONE;
        return true;
    }
    struct move move = {.kind = MOVE_COPY, .size = from->size};
    pair->flags = PAIR_LIKE;
    return move.size == 0 || pair_push(pairs, pair, &move, err);
}

/* ---- arrays ---- */

static bool is_byte(const struct layout_type *type)
{
    return type->size == 1 &&
           (type->kind == LAYOUT_CHAR || type->kind == LAYOUT_INT || type->kind == LAYOUT_UINT);
}

static bool push_cut(struct pairs *pairs, struct pair *pair, uint64_t kept, struct error *err)
{
    uint64_t size = old_type(pairs, pair)->size;
    struct move move = {.kind = MOVE_CUT,
                        .apart = true,
                        .from_type = pair->from,
                        .to_type = pair->to,
                        .from = kept,
                        .size = size - kept};
    return size == kept || pair_push(pairs, pair, &move, err);
}

static bool compile_text(struct pairs *pairs, struct pair *pair, struct error *err)
{
    uint64_t from = old_type(pairs, pair)->size, to = new_type(pairs, pair)->size;
    struct move move = {.kind = MOVE_COPY, .size = from};
    struct move rest = {.kind = MOVE_ZERO, .from = from, .to = from, .size = to - from};
    if (from > to) {
        move = (struct move){.kind = MOVE_TEXT,
                             .from_type = pair->from,
                             .to_type = pair->to,
                             .size = from,
                             .to_step = to};
    }
    pair->flags = from == to ? PAIR_LIKE : 0;
    return (move.size == 0 || pair_push(pairs, pair, &move, err)) &&
           (from >= to || pair_push(pairs, pair, &rest, err));
}

static bool compile_byte_array(struct pairs *pairs, struct pair *pair, struct error *err)
{
    uint64_t from = old_type(pairs, pair)->size, to = new_type(pairs, pair)->size;
    struct move move = {.kind = MOVE_COPY, .size = from < to ? from : to};
    pair->flags = from < to ? PAIR_LEAVES : 0;
    return (move.size == 0 || pair_push(pairs, pair, &move, err)) &&
           push_cut(pairs, pair, move.size, err);
}

static bool compile_elements(struct pairs *pairs, struct pair *pair, struct error *err)
{
    const struct layout_type *from = old_type(pairs, pair), *to = new_type(pairs, pair);
    pair->element = pairs_find(pairs, from->target, to->target, err);
    if (pair->element == LAYOUT_NONE) {
        return false;
    }
    const struct pair element = pairs->list[pair->element];
    uint64_t from_step = pairs->from->types[from->target].size;
    uint64_t to_step = pairs->to->types[to->target].size;
    uint64_t count = from->elements < to->elements ? from->elements : to->elements;
    bool nothing = from_step == 0 || to_step == 0; /* however many of it there are */
    if ((element.flags & PAIR_NONE) != 0 || (nothing && (element.flags & PAIR_LIKE) == 0)) {
        pair->flags = PAIR_NONE | (element.flags & PAIR_EXACT);
        return true;
    }
    pair->flags = element.flags & ~(uint32_t)(PAIR_SCALAR | PAIR_OWNER);
    if (from->elements != to->elements) {
        pair->flags &= ~(uint32_t)PAIR_LIKE;
    }
    pair->flags |= from->elements < to->elements ? PAIR_LEAVES : 0;
    struct move each = {.kind = MOVE_EACH,
                        .pair = pair->element,
                        .count = count,
                        .from_step = from_step,
                        .to_step = to_step};
    if (pair_is_plain(&element)) {
        each = (struct move){.kind = MOVE_COPY, .size = count * from_step};
    }
    bool ok = nothing || count == 0 ? true
              : count == 1
                  ? pair_push_inner(pairs, pair, &(struct inner){.pair = pair->element}, err)
                  : pair_push(pairs, pair, &each, err);
    return ok && push_cut(pairs, pair, count * from_step, err);
}

static bool compile_array(struct pairs *pairs, struct pair *pair, struct error *err)
{
    const struct layout_type *from = &pairs->from->types[old_type(pairs, pair)->target];
    const struct layout_type *to = &pairs->to->types[new_type(pairs, pair)->target];
    if (is_byte(from) && is_byte(to)) {
        if (from->kind == LAYOUT_CHAR && to->kind == LAYOUT_CHAR) {
            return compile_text(pairs, pair, err);
        }
        if (from->kind == LAYOUT_CHAR || to->kind == LAYOUT_CHAR) {
            return compile_byte_array(pairs, pair, err);
        }
    }
    return compile_elements(pairs, pair, err);
}

/* One value, and an array of one. */
static bool compile_single(struct pairs *pairs, struct pair *pair, uint32_t from, uint32_t to,
                           struct error *err)
{
    pair->element = pairs_find(pairs, from, to, err);
    if (pair->element == LAYOUT_NONE) {
        return false;
    }
    pair->flags =
        pairs->list[pair->element].flags & ~(uint32_t)(PAIR_LIKE | PAIR_SCALAR | PAIR_OWNER);
    return (pair->flags & PAIR_NONE) != 0 ||
           pair_push_inner(pairs, pair, &(struct inner){.pair = pair->element}, err);
}

/* ---- all of them ---- */

static bool compile(struct pairs *pairs, struct pair *pair, struct error *err)
{
    const struct layout_type *from = old_type(pairs, pair), *to = new_type(pairs, pair);
    if (from->kind == LAYOUT_ARRAY && to->kind == LAYOUT_ARRAY) {
        return compile_array(pairs, pair, err);
    }
    if (from->kind == LAYOUT_ARRAY && from->elements == 1) {
        return compile_single(pairs, pair, from->target, pair->to, err);
    }
    if (to->kind == LAYOUT_ARRAY && to->elements == 1) {
        return compile_single(pairs, pair, pair->from, to->target, err);
    }
    if (from->kind == LAYOUT_POINTER && to->kind == LAYOUT_POINTER) {
        return compile_pointer(pairs, pair, err);
    }
    if (from->kind == LAYOUT_BYTES && to->kind == LAYOUT_BYTES) {
        return compile_bytes(pairs, pair, err);
    }
    if (from->kind == to->kind && (from->kind == LAYOUT_STRUCT || from->kind == LAYOUT_UNION)) {
        return pair_compile_members(pairs, pair, err);
    }
    return compile_scalar(pairs, pair, err);
}

bool pair_compile(struct pairs *pairs, struct pair *pair, struct error *err)
{
    uint32_t exact = (old_type(pairs, pair)->flags | new_type(pairs, pair)->flags) & LAYOUT_EXACT;
    if (!compile(pairs, pair, err)) {
        return false;
    }
    if (exact != 0 && (pair->flags & PAIR_LIKE) == 0) {
        pair->flags |= PAIR_EXACT;
    }
    return true;
}
