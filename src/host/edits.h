/* What a swap changes in the state on its way: the edits of an EDIT, which came before its LOAD. */
#ifndef HOST_EDITS_H
#define HOST_EDITS_H

#include "base/text.h"
#include "state/edit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;
struct swap;

struct edits {
    uint64_t generation; /* of the LOAD that they belong to; 0: there are none */
    struct text bytes;
    struct edit *list; /* points into `bytes` */
    size_t count;
};

/* Reads them out of `fd`, which is taken over; -1: it did not come. What cannot be read is refused
 * with the LOAD. */
void edits_take(struct host *host, uint64_t generation, int fd);

void edits_forget(struct host *host);

/* Whether this swap's edits are there, and the module is one whose state can be edited. */
bool edits_are_possible(struct swap *swap);

/* Changes host->json, the state's text. False: nothing is changed, and the swap's error says
 * why. */
bool edits_apply(struct swap *swap);

/* Compares host->json, what was asked for, with host->json_after, what the new state says of
 * itself: what differs at the places that were edited is told. */
void edits_compare(struct swap *swap);

#endif
