#include "moves/pair_parts.h"

#include "base/array.h"

#define INLINE_MOST 32 /* moves of an inner struct that stand among those of the outer one */
#define PADDING     16 /* more bytes than these between two fields are not copied along */

/* Whether `move` could be the rest of `last`: both copy, and what lies between is padding. */
static bool continues(const struct move *last, const struct move *move)
{
    if (last->kind != MOVE_COPY || move->kind != MOVE_COPY || move->to < last->to + last->size ||
        move->from < last->from + last->size) {
        return false;
    }
    uint64_t between = move->to - (last->to + last->size);
    return between == move->from - (last->from + last->size) &&
           (between == 0 || (!move->apart && between < PADDING));
}

bool pair_push(struct pairs *pairs, struct pair *pair, const struct move *move, struct error *err)
{
    struct move *last = pair->count == 0 ? NULL : &pairs->moves[pairs->move_count - 1];
    if (last != NULL && continues(last, move)) {
        last->size = move->to + move->size - last->to;
        return true;
    }
    if (!pair_spend(pairs, 1, err)) {
        return false;
    }
    if (!array_reserve(&pairs->moves, &pairs->move_room, pairs->move_count + 1,
                       sizeof *pairs->moves)) {
        return pair_no_memory(err);
    }
    if (pair->count == 0) {
        pair->first = pairs->move_count;
    }
    pairs->moves[pairs->move_count++] = *move;
    pair->count++;
    return true;
}

/* That of a base class is of the whole object. */
static void place_table(struct move *move, const struct inner *inner)
{
    if (!inner->base) {
        move->count = 0;
    } else if (move->count > 0) {
        move->from_step += inner->from;
        move->to_step += inner->to;
    }
}

bool pair_push_inner(struct pairs *pairs, struct pair *pair, const struct inner *inner,
                     struct error *err)
{
    const struct pair its = pairs->list[inner->pair];
    if (pair_is_plain(&its)) {
        struct move move = {.kind = MOVE_COPY,
                            .apart = inner->apart,
                            .from = inner->from,
                            .to = inner->to,
                            .size = pairs->from->types[its.from].size};
        return move.size == 0 || pair_push(pairs, pair, &move, err);
    }
    if ((its.count > INLINE_MOST || (its.flags & PAIR_OWNER) != 0) && !inner->base) {
        struct move move = {.kind = MOVE_EACH,
                            .apart = inner->apart,
                            .pair = inner->pair,
                            .from = inner->from,
                            .to = inner->to,
                            .count = 1,
                            .from_step = pairs->from->types[its.from].size,
                            .to_step = pairs->to->types[its.to].size};
        return pair_push(pairs, pair, &move, err);
    }
    for (uint32_t i = 0; i < its.count; i++) {
        struct move move = pairs->moves[its.first + i];
        if (move.kind == MOVE_VTABLE) {
            place_table(&move, inner);
        }
        move.from += inner->from;
        move.to += inner->to;
        move.apart = move.apart || (i == 0 && inner->apart);
        if (!pair_push(pairs, pair, &move, err)) {
            return false;
        }
    }
    return true;
}

bool pair_push_link(struct pairs *pairs, const struct link *link, struct error *err)
{
    if (!array_reserve(&pairs->links, &pairs->link_room, pairs->link_count + 1,
                       sizeof *pairs->links)) {
        return pair_no_memory(err);
    }
    pairs->links[pairs->link_count++] = *link;
    return true;
}
