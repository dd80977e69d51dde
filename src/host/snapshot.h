/* The state as text, as bytes or as an image, and its way into and out of shared memory. */
#ifndef HOST_SNAPSHOT_H
#define HOST_SNAPSHOT_H

#include "base/error.h"
#include "base/text.h"
#include "link/shared.h"

#include <stdbool.h>

struct generation;
struct host;

/* True if the generation gives its state as JSON. */
bool snapshot_has_json(const struct generation *generation);

/* Calls serialize and checks what it wrote: valid, not too deep, not too large. */
bool snapshot_serialize(struct generation *generation, struct text *json, struct error *err);

/* Publishes `json` into `slot`; when it is NULL the state as it lies in memory, with what its
 * layout tells of, where there is one: at most state.pin_limit bytes, else ERROR_LIMIT. `step`: the
 * index of the step that follows it. *bytes: how many they are; NULL is allowed. */
bool snapshot_publish(struct generation *generation, int slot, enum snapshot_why why, uint64_t step,
                      const struct text *json, uint64_t *bytes, struct error *err);

/* Publishes the running generation's state into the next slot in turn, and answers with PUBLISHED.
 */
void snapshot_request(struct host *host, enum snapshot_why why);

/* Before code of the older generation is called for the last time: what it may take down with it is
 * published. */
void snapshot_before_retire(struct host *host);

/* After the first step of a new generation: publishes what it started from (as JSON), or its state
 * now (as image). */
void snapshot_after_commit(struct host *host);

#endif
