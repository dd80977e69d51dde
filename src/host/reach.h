/* How far what lies in a state may reach: whether memory that no layout tells of, which it points
 * to, may point into the library. */
#ifndef HOST_REACH_H
#define HOST_REACH_H

#include "layout/layout.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether one of the first `count` types is opaque, or points to what may hold a pointer. Pointers
 * to functions, numbers and text reach no further than the library, where all of it is known. No
 * memory: true. */
bool reach_is_far(const struct layout *layout, uint32_t count);

#endif
