/* Heap objects that init makes each time, and that nothing leads to any more once the older state
 * has taken the place of what they were made for: without this, each swap, edit and restore would
 * leave as many behind.
 *
 * An object goes when something led to it after init, and nothing does after the move. What may
 * lead to one is any word of the state, of the library's data and of other objects that has an
 * address in it. One that only other memory leads to stays. [main thread of the host] */
#ifndef HOST_LEFTOVERS_H
#define HOST_LEFTOVERS_H

#include <stddef.h>
#include <stdint.h>

struct generation;

struct leftovers {     /* zero-initialised: none */
    uint64_t *offsets; /* in the heap, in their order: of the objects that something led to */
    size_t count;
};

/* After init, before anything is moved. Without memory there are none. */
void leftovers_note(struct leftovers *leftovers, struct generation *generation);

/* After the move: frees them. */
void leftovers_free(struct leftovers *leftovers, struct generation *generation);

void leftovers_finish(struct leftovers *leftovers);

#endif
