/* What a layout is looked up by, beyond the order of its arrays. */
#ifndef LAYOUT_LAYOUT_INDEX_H
#define LAYOUT_LAYOUT_INDEX_H

#include "layout/layout.h"

struct layout_index *layout_index_create(const struct layout *layout); /* NULL: no memory */
void layout_index_destroy(struct layout_index *index);                 /* NULL: nothing */

#endif
