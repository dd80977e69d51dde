/* The layouts that the supervisor has sent, by their hash, and texts that outlive the libraries
 * that they stood in. */
#ifndef HOST_LAYOUTS_H
#define HOST_LAYOUTS_H

#include "base/error.h"
#include "layout/layout.h"
#include "link/message.h"

#include <stddef.h>
#include <stdint.h>

struct layouts { /* zero-initialised: empty */
    struct layout *list[LAYOUTS_MOST];
    size_t next;       /* where the next one goes, in place of the one that came first */
    struct plan *plan; /* made ahead, for these two; NULL: none is */
    struct layout *from, *to;
};

/* Reads one out of `fd`, which is taken over; -1: it did not come. Borrowed: who needs it for
 * longer than until the next one keeps it. NULL with `err`. */
struct layout *layouts_take(struct layouts *layouts, uint64_t hash, int fd, struct error *err);

/* Borrowed; NULL: it is not there. */
struct layout *layouts_find(const struct layouts *layouts, uint64_t hash);

/* Makes the plan for a swap that is about to come, while there is time. */
struct plan;
void layouts_plan_ahead(struct layouts *layouts, struct layout *from, struct layout *to);

/* A plan: that one, or another. plan_destroy it. NULL with `err`. */
struct plan *layouts_plan(struct layouts *layouts, const struct layout *from,
                          const struct layout *to, struct error *err);

void layouts_finish(struct layouts *layouts);

struct kept_text;

struct kept_texts { /* zero-initialised: empty */
    struct kept_text *first;
};

/* A copy of bytes[0..len) that stays until kept_texts_finish, the same for the same bytes. NULL: no
 * memory. */
const void *kept_texts_add(struct kept_texts *texts, const void *bytes, size_t len);

void kept_texts_finish(struct kept_texts *texts);

#endif
