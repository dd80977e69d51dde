/* Whether a layout can be followed without a further look: all numbers lead to what is there, sizes
 * agree, and no type lies in itself. */
#ifndef LAYOUT_LAYOUT_CHECK_H
#define LAYOUT_LAYOUT_CHECK_H

#include "layout/layout.h"

#define LAYOUT_MAGIC                                                                               \
    {                                                                                              \
        'h', 'r', 'l', 'a', 'y', 'o', 'u', '1'                                                     \
    }

bool layout_check(const struct layout *layout, struct error *err);

#endif
