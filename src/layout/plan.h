/* How a state of one layout becomes one of another: fields are found by their names, and converted
 * by one table (convert.h), which the JSON of states uses, too. */
#ifndef LAYOUT_PLAN_H
#define LAYOUT_PLAN_H

#include "base/error.h"
#include "layout/findings.h"
#include "layout/image.h"
#include "layout/target.h"

struct plan; /* opaque */

/* Both layouts are borrowed for the plan's life. NULL with `err`: memory, or HOTRUN_EXACT forbids
 * the change (ERROR_REFUSED, by path). */
struct plan *plan_create(const struct layout *from, const struct layout *to, struct error *err);
void plan_destroy(struct plan *plan); /* NULL is allowed */

/* The state's block needs no move: each field of it lies where it lay, and means the same. */
bool plan_keeps_state(const struct plan *plan);

/* The same for the heap objects of `image`. */
bool plan_keeps_heap(const struct plan *plan, const struct image *image);

/* What the layouts alone tell: added, dropped, converted. Not for what stays in place. */
void plan_tell(const struct plan *plan, struct findings *findings);

/* Moves all of `image` to `target`: the state, heap objects, and with target->statics the
 * variables. What has no counterpart keeps what is there. Pointers lead to what they led to; one
 * that cannot stays as it is when the image is alive, and keeps the target's value when it is not;
 * each is told. FINDING_LOST has values that were cut. False with `err`: no memory, no room in the
 * heap, a damaged image; the target is then of no use. */
bool plan_move(const struct plan *plan, const struct image *image, const struct target *target,
               struct findings *findings, struct error *err);

/* For a state (and heap) that stays in place: pointers into the old library lead to the new one,
 * and with target->statics the variables are moved. `image` is alive, and target->state is its
 * state. What has to be known of pointers that stay is told. */
bool plan_rebind(const struct plan *plan, const struct image *image, const struct target *target,
                 struct findings *findings, struct error *err);

/* Types of heap objects for heap_retype, when they stay in place: [old] = new; LAYOUT_NONE where
 * there is none. plan_destroy frees it. */
const uint32_t *plan_types(const struct plan *plan, size_t *count);

#endif
