/* Which heap objects of a generation something leads to: any word of its state, of its library's
 * data and of objects that were reached, that has an address in one. What other memory leads to is
 * not seen. [main thread of the host] */
#ifndef HOST_MARKING_H
#define HOST_MARKING_H

#include "layout/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;

struct marking {
    struct generation *generation;
    struct heap_view view;
    unsigned char *reached; /* one for each object of the view */
    size_t *waiting;        /* numbers of those that were not read so far */
    size_t waiting_count;
    unsigned step; /* bytes from one place where an address may stand to the next one */
};

/* Of a generation with a layout and a heap. False: no memory. marking_close in either case. Good
 * until objects are made, freed or hidden. */
bool marking_open(struct marking *marking, struct generation *generation);
void marking_close(struct marking *marking);

/* Something that is not looked at leads to object number `i`. */
void marking_reach(struct marking *marking, size_t i);

/* Sets `reached` by all that is looked at. Reads all that the library may write to: a death in it
 * is the module's. */
void marking_run(struct marking *marking);

#endif
