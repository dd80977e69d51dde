/* What lies within a value: the types that begin where it begins, and the pointers that it may have
 * at an offset. */
#ifndef LAYOUT_WITHIN_H
#define LAYOUT_WITHIN_H

#include "layout/bind.h"
#include "layout/layout.h"

#include <stdbool.h>
#include <stdint.h>

/* One type can have two numbers, from two sources that were compiled apart. */
bool within_same(const struct layout *layout, uint32_t type, uint32_t wanted);

/* `void`, or bytes (LAYOUT_NONE: any): a pointer to it means the whole of what begins there. */
bool within_any(const struct layout *layout, uint32_t wanted);

/* A value of the type begins where one of `wanted` begins, too. */
bool within_begins(const struct layout *layout, uint32_t type, uint32_t wanted);

/* The type of a pointer that some member of the union has at this offset, of several the first that
 * suits best what it leads to; LAYOUT_NONE: none has. `surely`: each has one there. */
uint32_t within_pointer(const struct layout *layout, uint32_t type, uint64_t offset,
                        const struct bound *bound, bool *surely);

/* How far apart pointers in the type can begin: 8, or less where something is packed; 0: it has
 * none. */
uint64_t within_pointer_step(const struct layout *layout, uint32_t type);

#endif
