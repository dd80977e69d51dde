/* The state's way: out of the old code into safety, and into the new code. Each function fills in
 * what the transaction tells, and on failure its stage and error; nobody's state but the new one's
 * is changed. */
#ifndef HOST_CARRY_H
#define HOST_CARRY_H

#include "base/error.h"
#include "base/text.h"
#include "host/leftovers.h"
#include "layout/findings.h"
#include "link/message.h"

#include <stdbool.h>
#include <stdint.h>

struct generation;
struct host;
struct load;

struct swap { /* one transaction */
    struct host *host;
    struct load *load;
    struct generation *old, *fresh;
    enum swap_stage stage; /* where it is, for the refusal */
    struct error err;
    struct message_accepted told;
    struct findings findings;
    struct leftovers leftovers; /* of the new code's init */
    struct text adjusted;
    bool lives_on;     /* the new state is the old one, or points to what the old one points to */
    bool reaches_back; /* and may point into the old library */
    bool wants_layout; /* it can be done when the new library's layout is there */
    bool as_published; /* what it was restored from is a snapshot of this very layout */
};

bool carry_is_stateless(const struct generation *generation);

/* The old state goes to shared memory. From here on it is safe, whatever the new library does. */
bool carry_save(struct swap *swap);

/* A fresh state with its defaults: zeros, then init. */
bool carry_begin(struct swap *swap);

/* The old state into the new code: as JSON, by its layout, in place, or reset. */
bool carry_over(struct swap *swap);

/* The snapshot that the LOAD names into the new code, after carry_begin. */
bool carry_restore(struct swap *swap);

#endif
