/* What two layouts alone tell of a pair of types, each pair in it once: a path in an array has "*"
 * for the number of an element. */
#ifndef MOVES_PLAN_TELL_H
#define MOVES_PLAN_TELL_H

#include "layout/findings.h"
#include "moves/plan.h"

/* Paths begin with `name`: "" of the state, "node" of a heap object's type. Pairs that lie in the
 * state are told only with the name "". */
void plan_tell_pair(const struct plan *plan, uint32_t pair, const char *name,
                    struct findings *findings);

/* Fills `err` with the first thing in `pair`, which has PAIR_EXACT, that may not change. Returns
 * false. */
bool plan_refuse_exact(const struct plan *plan, uint32_t pair, const char *name, struct error *err);

#endif
