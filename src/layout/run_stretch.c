#include "layout/run.h"

#include <string.h>

struct block { /* a state of which it is known where it holds something */
    const unsigned char *bytes;
    uint64_t size;
    image_data *data;
    void *ctx;
};

/* The elements, from number `at` on, that a block has something of. False: none. Where nothing is
 * known, all may be. */
static bool next_in(const struct block *block, const unsigned char *start, uint64_t step,
                    uint64_t count, uint64_t at, uint64_t *begin, uint64_t *end)
{
    uintptr_t past = (uintptr_t)start - (uintptr_t)block->bytes;
    uint64_t from, to;
    *begin = at;
    *end = count;
    if (block->data == NULL || block->bytes == NULL || (uintptr_t)start < (uintptr_t)block->bytes ||
        past > block->size || count * step > block->size - past) {
        return at < count;
    }
    if (at >= count || !block->data(block->ctx, past + at * step, &from, &to)) {
        return false;
    }
    if (to <= past + at * step || from >= to) { /* it tells nothing of use */
        return true;
    }
    from = from > past ? (from - past) / step : 0;
    to = (to - past + step - 1) / step;
    *begin = from > at ? from : at;
    *end = to < count ? to : count;
    return *begin < count;
}

bool run_stretch(const struct run *run, const unsigned char *from, const unsigned char *to,
                 uint64_t from_step, uint64_t to_step, uint64_t count, uint64_t at, uint64_t *begin,
                 uint64_t *end)
{
    const struct image *image = run->image;
    const struct target *target = run->target;
    struct block old = {image->state, image->state_size, image->data, image->data_ctx};
    struct block fresh = {target->state, layout_state(target->layout)->size, target->data,
                          target->data_ctx};
    uint64_t other_begin, other_end;
    if (from == NULL || to == NULL || run->in_place) {
        return from != NULL ? next_in(&old, from, from_step, count, at, begin, end)
                            : next_in(&fresh, to, to_step, count, at, begin, end);
    }
    bool some = next_in(&old, from, from_step, count, at, begin, end);
    bool others = next_in(&fresh, to, to_step, count, at, &other_begin, &other_end);
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
