/* One loaded version of the module, and the calls into it. Each call is announced in the status
 * page. */
#ifndef HOST_GENERATION_H
#define HOST_GENERATION_H

#include "base/error.h"
#include "hotrun/hotrun.h"
#include "link/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;
struct host;
struct load;

/* Loads the library that `load` names and checks its table. NULL with `err`, and *stage tells which
 * of the two failed. Warns of symbols that are bound to others' definitions. */
struct generation *generation_create(struct host *host, const struct load *load,
                                     enum swap_stage *stage, struct error *err);

/* Gives it a zeroed state in a free slot. */
bool generation_take_state(struct generation *generation, struct error *err);

bool generation_init(struct generation *generation, struct error *err);
bool generation_deserialize(struct generation *generation, const char *json, size_t len,
                            uint32_t from_version, struct error *err);

/* HOTRUN_OK when there is no on_event. */
hotrun_status generation_event(struct generation *generation, const hotrun_event *event);

/* Takes over the state of `older`, and its heap objects, where they lie. */
void generation_inherit(struct generation *generation, struct generation *older);

/* Calls fini if it is owed. `state` is what fini is given. */
void generation_fini(struct generation *generation, void *state, uint32_t why);

/* Takes over the state of `older`, and its heap objects, where they lie. */
void generation_inherit(struct generation *generation, struct generation *older);

/* Unloads the library, frees its state's slot. False when the library is still resident: `reason`
 * says why. NULL is allowed. */
bool generation_destroy(struct generation *generation, struct error *reason);

/* Forgets the generation, and leaves its library loaded: the state may point into it. */
void generation_abandon(struct generation *generation);

#endif
