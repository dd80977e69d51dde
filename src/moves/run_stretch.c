#include "moves/run.h"

#include "base/array.h"
#include "base/sorted.h"

#include <stdlib.h>
#include <string.h>

#define STRETCHES_MOST ((size_t)1 << 20) /* of more, the last one is all of the rest */

/* ---- asking ---- */

static bool add(struct stretches *held, uint64_t start, uint64_t end)
{
    if (!array_reserve(&held->list, &held->room, held->count + 1, sizeof *held->list)) {
        return false;
    }
    held->list[held->count].start = start;
    held->list[held->count].end = held->count + 1 == STRETCHES_MOST ? held->size : end;
    return held->count++, true;
}

/* Without memory, and of a block that tells nothing of use, all may hold something. */
static void ask(struct stretches *held)
{
    uint64_t at = 0, start, end;
    bool ok = held->data != NULL && held->size > 0 && add(held, 0, 0);
    held->asked = true;
    held->count = 0;
    while (ok && at < held->size && held->data(held->data_ctx, at, &start, &end)) {
        start = start < at ? at : start;
        end = end > held->size ? held->size : end;
        ok = end > start && add(held, start, end);
        at = ok ? held->list[held->count - 1].end : at;
    }
    if (!ok) {
        free(held->list);
        held->list = NULL;
    }
}

bool run_stretches_open(struct run *run)
{
    const struct image *image = run->image;
    const struct target *target = run->target;
    struct stretches *both = calloc(2, sizeof *both);
    if (both == NULL) {
        return error_set(run->err, ERROR_SYSTEM, "no memory to move a state");
    }
    both[0] = (struct stretches){.block = image->state,
                                 .size = image->state_size,
                                 .data = image->data,
                                 .data_ctx = image->data_ctx};
    both[1] = (struct stretches){.block = target->state,
                                 .size = layout_state(target->layout)->size,
                                 .data = target->data,
                                 .data_ctx = target->data_ctx};
    run->old_held = &both[0];
    run->new_held = &both[1];
    if (!run->state_stays && !target->only_variables) {
        ask(run->old_held);
        ask(run->new_held);
    }
    return true;
}

void run_stretches_close(struct run *run)
{
    if (run->old_held != NULL) {
        free(run->old_held->list);
        free(run->new_held->list);
        free(run->old_held);
    }
}

/* ---- looking ---- */

/* The number of the first stretch that ends behind `offset`. */
static size_t first_behind(const struct stretches *held, uint64_t offset)
{
    return sorted_upto(held->list, held->count, sizeof held->list[0], offsetof(struct stretch, end),
                       offset);
}

/* The elements, from number `at` on, that a block has something of. False: none. */
static bool next_in(struct stretches *held, const unsigned char *start, uint64_t step,
                    uint64_t count, uint64_t at, uint64_t *begin, uint64_t *end)
{
    uintptr_t past = (uintptr_t)start - (uintptr_t)held->block;
    if (!held->asked) {
        ask(held);
    }
    *begin = at;
    *end = count;
    if (held->list == NULL || (uintptr_t)start < (uintptr_t)held->block || past > held->size ||
        count * step > held->size - past || at >= count) {
        return at < count;
    }
    size_t i = first_behind(held, past + at * step);
    if (i == held->count || held->list[i].start >= past + count * step) {
        return false;
    }
    uint64_t from = held->list[i].start > past ? (held->list[i].start - past) / step : 0;
    uint64_t to = (held->list[i].end - past + step - 1) / step;
    *begin = from > at ? from : at;
    *end = to < count ? to : count;
    return true;
}

bool run_stretch(const struct run *run, const unsigned char *from, const unsigned char *to,
                 uint64_t from_step, uint64_t to_step, uint64_t count, uint64_t at, uint64_t *begin,
                 uint64_t *end)
{
    uint64_t other_begin, other_end;
    if (from == NULL || to == NULL || run->in_place) {
        return from != NULL ? next_in(run->old_held, from, from_step, count, at, begin, end)
                            : next_in(run->new_held, to, to_step, count, at, begin, end);
    }
    bool some = next_in(run->old_held, from, from_step, count, at, begin, end);
    bool others = next_in(run->new_held, to, to_step, count, at, &other_begin, &other_end);
    if (others && (!some || other_begin < *begin)) {
        *end = some && *begin < other_end ? *begin : other_end;
        *begin = other_begin;
    }
    return some || others;
}

bool run_holds(const struct run *run, const unsigned char *from, uint64_t size)
{
    uint64_t begin, end;
    for (uint64_t at = 0; run_stretch(run, from, NULL, 1, 1, size, at, &begin, &end); at = end) {
        const unsigned char *bytes = from + begin;
        size_t len = (size_t)(end - begin);
        if (len > 0 && (bytes[0] != 0 || memcmp(bytes, bytes + 1, len - 1) != 0)) {
            return true;
        }
    }
    return false;
}
