/* How far what lies in a state may reach: whether memory that no layout tells of, which it points
 * to, may point into the library. */
#ifndef HOST_REACH_H
#define HOST_REACH_H

#include "layout/layout.h"

#include <stdbool.h>
#include <stdint.h>

enum reach {
    REACH_KNOWN, /* pointers to functions, numbers and text: all of that is known */
    REACH_FAR,   /* one points to what may hold a pointer: it depends on where it leads */
    REACH_OPAQUE /* one is opaque, and may be a pointer */
};

/* Whether a value of the type may hold a pointer to something. No memory: it may. */
bool reach_may_lead(const struct layout *layout, uint32_t type);

/* Whether each pointer of the layout's types stands at a multiple of 8. No memory: not so. */
bool reach_is_aligned(const struct layout *layout);

/* Whether the type ends with an array, so that the array's end is the type's. */
bool reach_ends_in_array(const struct layout *layout, uint32_t type);

/* Of the first `count` types. No memory: the last of these. */
enum reach reach_of(const struct layout *layout, uint32_t count);

#endif
