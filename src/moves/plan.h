/* How a state of one layout becomes one of another: fields are found by their names, and converted
 * by one table (convert.h), which the JSON of states uses, too. */
#ifndef MOVES_PLAN_H
#define MOVES_PLAN_H

#include "base/error.h"
#include "layout/findings.h"
#include "layout/image.h"
#include "layout/target.h"

struct plan; /* opaque */

/* Both layouts are borrowed for the plan's life. NULL with `err`: memory, layouts that are too
 * large (ERROR_LIMIT), or HOTRUN_EXACT forbids the change (ERROR_REFUSED, by path). A plan is used
 * by one thread at a time. */
struct plan *plan_create(const struct layout *from, const struct layout *to, struct error *err);

/* The same for an edit of a state, which is no reload: transient values go over as others do. */
struct plan *plan_create_whole(const struct layout *from, const struct layout *to,
                               struct error *err);
void plan_destroy(struct plan *plan); /* NULL is allowed */

/* The state's block needs no move: each field of it lies where it lay, and means the same, and none
 * is transient. */
bool plan_keeps_state(const struct plan *plan);

/* The same for the heap objects of `image`. */
bool plan_keeps_heap(const struct plan *plan, const struct image *image);

/* What the layouts alone tell of the state: added, dropped, converted. Each pair of types is told
 * by the first path that leads to it, in which "*" is the number of any element. A name whose old
 * value can't be carried at all is told as dropped and as added, with its types. Not for what stays
 * in place. */
void plan_tell(const struct plan *plan, struct findings *findings);

/* Moves all of `image` to `target`: the state, heap objects, and with target->statics the
 * variables. What has no counterpart keeps what is there.
 *
 * Pointers lead to what they led to. One into a field or object that is gone keeps the target's
 * value; one to anything else that is gone or not known stays as it is when the image is alive, and
 * keeps the target's value when it is not. Each is told. In a union, whose member is not known, a
 * word is a pointer where some member has one and it leads to something that is known.
 *
 * FINDING_LOST has values that were cut. Types of heap objects and variables are told as plan_tell
 * does it, when there are some. Objects that the target's heap has already stay there. False with
 * `err`: no memory, no room in the heap, a damaged image, HOTRUN_EXACT in a variable or an object;
 * the target is then of no use. */
bool plan_move(const struct plan *plan, const struct image *image, const struct target *target,
               struct findings *findings, struct error *err);

/* For a state and heap that stay in place: pointers into the old library lead to the new one, and
 * with target->statics the variables are moved. `image` is alive, target->state is its state, and
 * its objects have types of the old layout (heap_retype is called later). Nothing is written where
 * nothing changes. What has to be known of pointers that stay is told. False with `err`: as
 * plan_move, and nothing was changed. */
bool plan_rebind(const struct plan *plan, const struct image *image, const struct target *target,
                 struct findings *findings, struct error *err);

/* Types of heap objects for heap_retype, when they stay in place: [old] = new, by name, else by
 * pointers of one name; LAYOUT_NONE where there is none. plan_destroy frees it. */
const uint32_t *plan_types(const struct plan *plan, size_t *count);

#endif
