/* Heap objects that nothing leads to once an older state has been moved: without this, each swap,
 * edit and restore would leave more behind. There are two kinds.
 *
 * Copies of the older state's objects, which a transient field, a field that is gone or a variable
 * that is not carried led to. Nobody but the move has been told where a copy lies, so nothing can
 * come to lead to one that nothing leads to then: it is freed.
 *
 * What init made for what the older state has replaced: something led to it after init, and nothing
 * does after the move. Its address may be in memory that hotrun does not look into, so that it
 * keeps its place, and is no part of the state any more (heap_hide). What nothing led to after init
 * is the module's affair, and stays. [main thread of the host] */
#ifndef HOST_LEFTOVERS_H
#define HOST_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;

struct leftovers {  /* zero-initialised: nothing was noted */
    bool noted;     /* what init made is known */
    uint64_t *made; /* offsets in the heap, in their order */
    bool *led_to;   /* after init, for each */
    size_t count;   /* of these */
};

/* After init, before anything is moved. Without memory nothing is noted. */
void leftovers_note(struct leftovers *leftovers, struct generation *generation);

/* After the move: what init made is hidden for the time being, so that the others are numbered as
 * they were in the older state. */
void leftovers_set_aside(const struct leftovers *leftovers, struct generation *generation);

/* After the move, before code of the module runs again. Nothing, when nothing was noted. */
void leftovers_free(struct leftovers *leftovers, struct generation *generation);

void leftovers_finish(struct leftovers *leftovers);

#endif
