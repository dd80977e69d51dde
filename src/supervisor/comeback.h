/* What known code can be brought back with: fallbacks, each with its pinned snapshot, and the
 * attempts of a comeback that is under way. */
#ifndef SUPERVISOR_COMEBACK_H
#define SUPERVISOR_COMEBACK_H

#include "link/shared.h"

#include <stdbool.h>
#include <stdint.h>

struct build;
struct fallback;
struct supervisor;

/* A SHARED_PIN_ slot that nothing needs. */
int comeback_free_pin(const struct supervisor *sup);

/* The newest snapshot in `memory` that `generation` made; else the newest of an older one; NO_SLOT:
 * none. Those with a sequence of `below` or above are passed over. */
int comeback_newest_slot(const struct shared *memory, uint64_t generation, uint64_t below);

/* Where the code that runs is to come back from: its newest snapshot, or the one before it when
 * code that started from this one has died twice. */
int comeback_trusted_slot(struct supervisor *sup);

/* What to go back to, now that `next` takes over, or tried to, from `current` in the same host
 * before step `step`. `current` is NULL then. */
void comeback_shift_fallbacks(struct supervisor *sup, bool pinned, uint64_t step);

/* Where `fallback` comes back from: its own snapshot, or where that is none, the newest there is of
 * its generation or before. NO_SLOT: there is none. */
int comeback_slot_of(const struct supervisor *sup, const struct fallback *fallback);

/* One more way to try, after those that are there. Keeps `build`. */
void comeback_add_attempt(struct supervisor *sup, struct build *build, int slot);

/* Runs the attempt that is next, or holds when there is none. */
void comeback_run(struct supervisor *sup);

/* The code before the one that runs is where a rollback leads to from here on. */
void comeback_set_previous(struct supervisor *sup);

void comeback_drop_attempts(struct supervisor *sup);
void comeback_drop_fallbacks(struct supervisor *sup);

#endif
