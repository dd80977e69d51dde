/* Places in an array whose items are in the order of a number that each of them has. */
#ifndef BASE_SORTED_H
#define BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How many of `count` items of `size` bytes have a number of at most `most`: the place behind the
 * last of them. The number is a uint64_t, `at` bytes behind an item's start. `items` may be NULL
 * when there are none. */
static inline size_t sorted_upto(const void *items, size_t count, size_t size, size_t at,
                                 uint64_t most)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t number;
        memcpy(&number, (const char *)items + middle * size + at, sizeof number);
        if (number <= most) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* How many have a number below `limit`: the place of the first that has `limit` or more. */
static inline size_t sorted_below(const void *items, size_t count, size_t size, size_t at,
                                  uint64_t limit)
{
    return limit == 0 ? 0 : sorted_upto(items, count, size, at, limit - 1);
}

#endif
