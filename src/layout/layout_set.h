/* A few layouts by their hash. A set has a reference of each, so that a copy of it can be handed to
 * another thread: there it is only looked at, and finished where it was made. */
#ifndef LAYOUT_LAYOUT_SET_H
#define LAYOUT_LAYOUT_SET_H

#include "layout/layout.h"

#define LAYOUT_SET_MOST 32

struct layout_set { /* zero-initialised: empty */
    struct layout *layouts[LAYOUT_SET_MOST];
    unsigned count;
};

/* Keeps `layout`, unless one of its hash is there. False: there is no room. */
bool layout_set_add(struct layout_set *set, struct layout *layout);

/* Borrowed; NULL: it is not there. */
struct layout *layout_set_find(const struct layout_set *set, uint64_t hash);

/* Number `i` goes; the last one takes its place. */
void layout_set_remove(struct layout_set *set, unsigned i);

void layout_set_copy(struct layout_set *to, const struct layout_set *from); /* `to` is empty */
void layout_set_finish(struct layout_set *set);

#endif
