/* Types of C++'s and Rust's own libraries that own memory, or borrow it: their pointers, lengths
 * and counts fit each other, so that such a value has all of them or its default. */
#ifndef LAYOUT_OWNER_H
#define LAYOUT_OWNER_H

#include "layout/layout.h"

bool owner_is(const struct layout *layout, const struct layout_type *type);

#endif
