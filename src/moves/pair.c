#include "moves/pair.h"

#include "base/array.h"
#include "moves/pair_parts.h"

#include <stdlib.h>
#include <string.h>

#define BUDGET (UINT64_C(8) * LAYOUT_FIELDS_MOST)

bool pair_no_memory(struct error *err)
{
    return error_set(err, ERROR_SYSTEM, "no memory for comparing two layouts");
}

bool pair_spend(struct pairs *pairs, uint64_t amount, struct error *err)
{
    if (pairs->budget < amount) {
        pairs->budget = 0;
        return error_set(err, ERROR_LIMIT, "the layouts are too large to be compared");
    }
    pairs->budget -= amount;
    return true;
}

/* ---- by their types ---- */

static uint32_t slot_of(const struct pairs *pairs, uint32_t from, uint32_t to)
{
    uint64_t key = ((uint64_t)from << 32 | to) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t slot = (uint32_t)(key >> 32) & (pairs->slot_count - 1);
    for (; pairs->slots[slot] != LAYOUT_NONE; slot = (slot + 1) & (pairs->slot_count - 1)) {
        const struct pair *pair = &pairs->list[pairs->slots[slot]];
        if (pair->from == from && pair->to == to) {
            break;
        }
    }
    return slot;
}

static bool grow_slots(struct pairs *pairs)
{
    uint32_t slot_count = pairs->slot_count == 0 ? 64 : pairs->slot_count * 2;
    uint32_t *slots = malloc(slot_count * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    memset(slots, 0xff, slot_count * sizeof *slots);
    free(pairs->slots);
    pairs->slots = slots;
    pairs->slot_count = slot_count;
    for (uint32_t i = 0; i < pairs->count; i++) {
        slots[slot_of(pairs, pairs->list[i].from, pairs->list[i].to)] = i;
    }
    return true;
}

bool pairs_create(struct pairs *pairs, const struct layout *from, const struct layout *to)
{
    *pairs = (struct pairs){.from = from, .to = to, .budget = BUDGET};
    return grow_slots(pairs);
}

void pairs_finish(struct pairs *pairs)
{
    free(pairs->list);
    free(pairs->moves);
    free(pairs->links);
    free(pairs->slots);
    *pairs = (struct pairs){0};
}

/* No deeper than types lie in each other, so that the pairs in it are there before the pair is. */
uint32_t pairs_find(struct pairs *pairs, uint32_t from, uint32_t to, struct error *err)
{
    uint32_t found = pairs->slots[slot_of(pairs, from, to)];
    if (found != LAYOUT_NONE) {
        return found;
    }
    struct pair pair = {.from = from, .to = to, .element = LAYOUT_NONE};
    if (!pair_spend(pairs, 1, err) || !pair_compile(pairs, &pair, err)) {
        return LAYOUT_NONE;
    }
    if (!array_reserve(&pairs->list, &pairs->room, pairs->count + 1, sizeof *pairs->list) ||
        (pairs->count * 2 >= pairs->slot_count && !grow_slots(pairs))) {
        (void)pair_no_memory(err);
        return LAYOUT_NONE;
    }
    pairs->slots[slot_of(pairs, from, to)] = pairs->count;
    pairs->list[pairs->count] = pair;
    return pairs->count++;
}
