#define _GNU_SOURCE /* qsort_r */
#include "layout/owner.h"
#include "layout/within.h"
#include "moves/match.h"
#include "moves/pair_parts.h"

#include <stdlib.h>

struct work { /* on one pair of structs or unions */
    struct pairs *pairs;
    struct pair *pair;
    struct members old, fresh;
    uint32_t
        *inner; /* pairs of the new members; LAYOUT_NONE: it has no source, or is a bit-field */
    uint32_t *order; /* new members in the order of their offsets */
    bool alike, apart;
};

/* ---- bit-fields ---- */

static bool has_bits(const struct work *work, const struct member *fresh)
{
    return fresh->field->bits != 0 || work->old.list[fresh->source].field->bits != 0;
}

static bool push_bits(struct work *work, const struct member *fresh, struct error *err)
{
    const struct member *old = &work->old.list[fresh->source];
    uint32_t number = work->inner[fresh - work->fresh.list];
    const struct pair *scalar = &work->pairs->list[number];
    if ((scalar->flags & (PAIR_SCALAR | PAIR_POINTERS)) != PAIR_SCALAR) {
        work->alike = false;
        work->apart = true;
        work->pair->flags |= PAIR_LEAVES | (scalar->flags & PAIR_EXACT);
        return true;
    }
    struct move move = {.kind = MOVE_CONVERT,
                        .apart = work->apart,
                        .from_bit = (uint8_t)old->field->bit,
                        .from_bits = (uint8_t)old->field->bits,
                        .to_bit = (uint8_t)fresh->field->bit,
                        .to_bits = (uint8_t)fresh->field->bits,
                        .from_type = scalar->from,
                        .to_type = scalar->to,
                        .from = old->offset,
                        .to = fresh->offset};
    work->alike = work->alike && (scalar->flags & PAIR_LIKE) != 0 && old->offset == fresh->offset &&
                  old->field->bit == fresh->field->bit && old->field->bits == fresh->field->bits;
    work->pair->flags |= scalar->flags & PAIR_STIRS;
    work->apart = true; /* bits beside it may be left */
    return pair_push(work->pairs, work->pair, &move, err);
}

/* ---- structs ---- */

/* Bytes of a struct that hold something: what a class adds can lie in what pads its base, and over
 * what is empty, or has only empty members. */
static uint64_t data_size(const struct layout *layout, uint32_t number)
{
    const struct layout_type *type = &layout->types[number];
    uint64_t end = 0;
    if (type->kind != LAYOUT_STRUCT) {
        return type->size;
    }
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        uint64_t size =
            field->bits != 0 ? (field->bit + field->bits + 7) / 8 : data_size(layout, field->type);
        end = size > 0 && field->offset + size > end ? field->offset + size : end;
    }
    return end;
}

static bool shares_its_bytes(const struct work *work, const struct member *old,
                             const struct pair *inner)
{
    const struct layout_type *type = &work->pairs->from->types[inner->from];
    return pair_is_plain(inner) &&
           ((old->field->flags & LAYOUT_BASE) != 0 ||
            (type->kind == LAYOUT_STRUCT && data_size(work->pairs->from, inner->from) == 0));
}

static bool push_data(struct work *work, const struct member *old, const struct member *fresh,
                      uint32_t type, struct error *err)
{
    struct move move = {.kind = MOVE_COPY,
                        .apart = work->apart,
                        .from = old->offset,
                        .to = fresh->offset,
                        .size = data_size(work->pairs->from, type)};
    return move.size == 0 || pair_push(work->pairs, work->pair, &move, err);
}

static uint64_t last_size(const struct work *work)
{
    return work->pair->count == 0 ? 0 : work->pairs->moves[work->pairs->move_count - 1].size;
}

static bool push_member(struct work *work, const struct member *fresh, struct error *err)
{
    struct pair *pair = work->pair;
    if (fresh->source == LAYOUT_NONE) {
        work->alike = false;
        work->apart = true;
        pair->flags |= PAIR_LEAVES;
        return true;
    }
    bool transient = (fresh->field->flags & LAYOUT_TRANSIENT) != 0 && !work->pairs->whole;
    if (!transient && has_bits(work, fresh)) {
        return push_bits(work, fresh, err);
    }
    const struct member *old = &work->old.list[fresh->source];
    uint32_t number = work->inner[fresh - work->fresh.list];
    const struct pair inner = work->pairs->list[number];
    work->alike = work->alike && (inner.flags & PAIR_LIKE) != 0 && old->offset == fresh->offset &&
                  old->field->bit == fresh->field->bit && old->field->bits == fresh->field->bits;
    pair->flags |= inner.flags & PAIR_EXACT;
    if (transient || (inner.flags & PAIR_NONE) != 0) {
        pair->flags |= PAIR_LEAVES | (transient ? PAIR_TRANSIENT : 0);
        work->apart = true;
        return true;
    }
    pair->flags |=
        inner.flags & (PAIR_POINTERS | PAIR_TRANSIENT | PAIR_LEAVES | PAIR_STIRS | PAIR_OFFSETS);
    if ((fresh->field->flags & LAYOUT_VTABLE) != 0 && (inner.flags & PAIR_POINTERS) != 0) {
        struct move move = {
            .kind = MOVE_VTABLE, .from = old->offset, .to = fresh->offset, .count = 1};
        work->apart = false;
        return pair_push(work->pairs, pair, &move, err);
    }
    struct inner part = {.pair = number,
                         .apart = work->apart,
                         .base = (fresh->field->flags & LAYOUT_BASE) != 0,
                         .from = old->offset,
                         .to = fresh->offset};
    uint32_t count = pair->count;
    uint64_t size = last_size(work);
    bool ok = shares_its_bytes(work, old, &inner) ? push_data(work, old, fresh, inner.from, err)
                                                  : pair_push_inner(work->pairs, pair, &part, err);
    bool pushed = pair->count > count || last_size(work) > size;
    work->apart = (work->apart && !pushed) || (inner.flags & PAIR_LEAVES) != 0;
    return ok;
}

/* An empty base class lies over the first field, which is meant then. */
static int by_from(const void *left, const void *right)
{
    const struct link *a = left, *b = right;
    return a->from != b->from ? (a->from < b->from ? -1 : 1)
                              : (a->size > b->size) - (a->size < b->size);
}

static bool push_link(struct work *work, const struct member *old, uint64_t to, uint32_t pair,
                      struct error *err)
{
    struct link link = {.from = old->offset,
                        .to = to,
                        .size = work->pairs->from->types[old->field->type].size,
                        .pair = pair,
                        .from_type = old->field->type};
    return link.size == 0 || pair_push_link(work->pairs, &link, err);
}

/* Members that are gone have one, too: what leads to them leads to nothing else. */
static bool push_links(struct work *work, struct error *err)
{
    struct pairs *pairs = work->pairs;
    uint32_t first = pairs->link_count;
    bool ok = true;
    for (uint32_t i = 0; ok && i < work->old.count; i++) {
        const struct member *old = &work->old.list[i];
        ok = old->taken || old->field->bits != 0 || push_link(work, old, 0, LAYOUT_NONE, err);
    }
    for (uint32_t i = 0; ok && i < work->fresh.count; i++) {
        const struct member *fresh = &work->fresh.list[i];
        if (fresh->source != LAYOUT_NONE && !has_bits(work, fresh)) {
            ok =
                push_link(work, &work->old.list[fresh->source], fresh->offset, work->inner[i], err);
        }
    }
    work->pair->first_link = first;
    work->pair->link_count = pairs->link_count - first;
    if (ok && work->pair->link_count > 1) {
        qsort(&pairs->links[first], work->pair->link_count, sizeof *pairs->links, by_from);
    }
    return ok;
}

static bool all_taken(const struct members *old)
{
    for (uint32_t i = 0; i < old->count; i++) {
        if (!old->list[i].taken) {
            return false;
        }
    }
    return true;
}

static uint64_t size_of(const struct work *work)
{
    return work->pairs->from->types[work->pair->from].size;
}

static bool compile_struct(struct work *work, struct error *err)
{
    struct pair *pair = work->pair;
    work->alike = size_of(work) == work->pairs->to->types[pair->to].size && all_taken(&work->old);
    for (uint32_t i = 0; i < work->fresh.count; i++) {
        if (!push_member(work, &work->fresh.list[work->order[i]], err)) {
            return false;
        }
    }
    pair->flags |= work->alike ? PAIR_LIKE : 0;
    if ((pair->flags & PAIR_POINTERS) != 0 &&
        owner_is(work->pairs->from, &work->pairs->from->types[pair->from])) {
        pair->flags |= PAIR_OWNER;
    }
    if (pair_is_plain(pair)) {
        struct move move = {.kind = MOVE_COPY, .size = size_of(work)};
        work->pairs->move_count -= pair->count;
        pair->count = 0;
        if (move.size > 0 && !pair_push(work->pairs, pair, &move, err)) {
            return false;
        }
    }
    return push_links(work, err);
}

/* ---- unions ---- */

/* Which member holds is not known: so all of them must still be there, and mean the same. */
static bool compile_union(struct work *work, struct error *err)
{
    struct pair *pair = work->pair;
    uint64_t from = size_of(work), to = work->pairs->to->types[pair->to].size;
    bool bytes = all_taken(&work->old), all = true;
    for (uint32_t i = 0; i < work->fresh.count; i++) {
        const struct member *fresh = &work->fresh.list[i];
        if (fresh->source == LAYOUT_NONE) {
            all = false;
            continue;
        }
        const struct member *old = &work->old.list[fresh->source];
        const struct pair *inner = &work->pairs->list[work->inner[i]];
        bytes = bytes && (inner->flags & PAIR_LIKE) != 0 && old->offset == fresh->offset &&
                old->field->bit == fresh->field->bit && old->field->bits == fresh->field->bits;
        pair->flags |= inner->flags & (PAIR_EXACT | PAIR_POINTERS | PAIR_OFFSETS);
    }
    /* Whether a member holds that is one of these is not known: no class may have changed. */
    bytes = bytes && ((pair->flags & PAIR_OFFSETS) == 0 ||
                      work->pairs->from->head->shape == work->pairs->to->head->shape);
    if (!bytes) {
        pair->flags = PAIR_NONE | (pair->flags & PAIR_EXACT);
        return true;
    }
    pair->flags |= (all && from == to ? PAIR_LIKE : 0) | (from < to ? PAIR_LEAVES : 0);
    uint64_t step = within_pointer_step(work->pairs->from, pair->from);
    struct move move = {.kind = (pair->flags & PAIR_POINTERS) != 0 && step != 0 ? MOVE_WORDS
                                                                                : MOVE_COPY,
                        .from_step = step,
                        .from_type = pair->from,
                        .to_type = pair->to,
                        .size = from < to ? from : to};
    return move.size == 0 || pair_push(work->pairs, pair, &move, err);
}

/* ---- both ---- */

static bool find_inner(struct work *work, struct error *err)
{
    for (uint32_t i = 0; i < work->fresh.count; i++) {
        const struct member *fresh = &work->fresh.list[i];
        work->inner[i] = LAYOUT_NONE;
        if (fresh->source != LAYOUT_NONE) {
            work->inner[i] = pairs_find(work->pairs, work->old.list[fresh->source].field->type,
                                        fresh->field->type, err);
            if (work->inner[i] == LAYOUT_NONE) {
                return false;
            }
        }
    }
    return true;
}

static int by_offset(const void *left, const void *right, void *list)
{
    const struct member *a = (const struct member *)list + *(const uint32_t *)left;
    const struct member *b = (const struct member *)list + *(const uint32_t *)right;
    return a->offset != b->offset           ? (a->offset < b->offset ? -1 : 1)
           : a->field->bit != b->field->bit ? (a->field->bit < b->field->bit ? -1 : 1)
           : a != b                         ? (a < b ? -1 : 1)
                                            : 0;
}

static void order_members(struct work *work)
{
    bool sorted = true;
    for (uint32_t i = 0; i < work->fresh.count; i++) {
        work->order[i] = i;
        sorted = sorted &&
                 (i == 0 || by_offset(&work->order[i - 1], &work->order[i], work->fresh.list) < 0);
    }
    if (!sorted) {
        qsort_r(work->order, work->fresh.count, sizeof *work->order, by_offset, work->fresh.list);
    }
}

bool pair_compile_members(struct pairs *pairs, struct pair *pair, struct error *err)
{
    struct work work = {.pairs = pairs, .pair = pair};
    const struct layout_type *from = &pairs->from->types[pair->from];
    const struct layout_type *to = &pairs->to->types[pair->to];
    if (!match_members(pairs->from, from, pairs->to, to, &work.old, &work.fresh, &pairs->budget)) {
        return pairs->budget == 0 ? pair_spend(pairs, 1, err) : pair_no_memory(err);
    }
    work.inner = malloc((size_t)work.fresh.count * 2 * sizeof *work.inner + 1);
    bool ok = work.inner != NULL;
    if (ok) {
        work.order = work.inner + work.fresh.count;
        order_members(&work);
        ok = find_inner(&work, err) &&
             (from->kind == LAYOUT_UNION ? compile_union(&work, err) : compile_struct(&work, err));
    } else {
        (void)pair_no_memory(err);
    }
    free(work.inner);
    match_finish(&work.old);
    match_finish(&work.fresh);
    return ok;
}
