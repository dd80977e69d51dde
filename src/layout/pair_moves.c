#include "layout/pair_parts.h"

#include <stdlib.h>

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
    if (pairs->move_count == pairs->move_room) {
        uint32_t room = pairs->move_room * 2 + 64;
        struct move *moves = realloc(pairs->moves, room * sizeof *moves);
        if (moves == NULL) {
            return pair_no_memory(err);
        }
        pairs->moves = moves;
        pairs->move_room = room;
    }
    if (pair->count == 0) {
        pair->first = pairs->move_count;
    }
    pairs->moves[pairs->move_count++] = *move;
    pair->count++;
    return true;
}

bool pair_push_inner(struct pairs *pairs, struct pair *pair, uint32_t number, uint64_t from,
                     uint64_t to, bool apart, struct error *err)
{
    const struct pair inner = pairs->list[number];
    if (pair_is_plain(&inner)) {
        struct move move = {.kind = MOVE_COPY,
                            .apart = apart,
                            .from = from,
                            .to = to,
                            .size = pairs->from->types[inner.from].size};
        return move.size == 0 || pair_push(pairs, pair, &move, err);
    }
    if (inner.count > INLINE_MOST) {
        struct move move = {.kind = MOVE_EACH,
                            .apart = apart,
                            .pair = number,
                            .from = from,
                            .to = to,
                            .count = 1,
                            .from_step = pairs->from->types[inner.from].size,
                            .to_step = pairs->to->types[inner.to].size};
        return pair_push(pairs, pair, &move, err);
    }
    for (uint32_t i = 0; i < inner.count; i++) {
        struct move move = pairs->moves[inner.first + i];
        move.from += from;
        move.to += to;
        move.apart = move.apart || (i == 0 && apart);
        if (!pair_push(pairs, pair, &move, err)) {
            return false;
        }
    }
    return true;
}

bool pair_push_link(struct pairs *pairs, const struct link *link, struct error *err)
{
    if (pairs->link_count == pairs->link_room) {
        uint32_t room = pairs->link_room * 2 + 64;
        struct link *links = realloc(pairs->links, room * sizeof *links);
        if (links == NULL) {
            return pair_no_memory(err);
        }
        pairs->links = links;
        pairs->link_room = room;
    }
    pairs->links[pairs->link_count++] = *link;
    return true;
}
