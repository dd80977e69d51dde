/* The types of a new layout that are those of an old one: by their names, else, and where several
 * have one name, by pointers of one name that lead to them. For what is known by its type alone:
 * heap objects. */
#ifndef MOVES_TWINS_H
#define MOVES_TWINS_H

#include "layout/layout.h"

struct twins; /* opaque */

struct twins *twins_create(const struct layout *from, const struct layout *to); /* NULL: memory */
void twins_destroy(struct twins *twins);                                        /* NULL: nothing */

/* The number of the new type; LAYOUT_NONE: there is none, or no memory to look for it. */
uint32_t twins_find(struct twins *twins, uint32_t old);

/* All of them: [old] = new. */
const uint32_t *twins_all(struct twins *twins);

#endif
