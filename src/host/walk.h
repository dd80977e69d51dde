/* The frames of a stack, from the innermost outwards. Everything here is safe in a signal handler
 * and takes no lock: a thread that holds one may be the one that died. One walk at a time. */
#ifndef HOST_WALK_H
#define HOST_WALK_H

#include "host/registers.h"
#include "link/crash.h"

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct walk_frame {
    uint64_t pc;
    bool exact;                    /* the instruction itself, not where a call returns to */
    const struct link_map *object; /* whose code it is; NULL: nobody's that is known */
};

struct walk {
    struct walk_frame frames[CRASH_FRAMES_MOST];
    unsigned count;
    bool whole; /* it came to the host's own frames, which are left out */
};

/* By frame pointers: a few reads, but code that keeps none is stepped over or ends the walk. */
void walk_by_pointers(struct walk *walk, const struct registers *registers);

/* By the unwind tables of each library. `context`: a ucontext_t; `interrupted`: it is the one that
 * this handler was called with, and may be changed (registers_put_back); else that of getcontext,
 * here. A build without an unwinder finds nothing. */
void walk_by_tables(struct walk *walk, void *context, bool interrupted);

/* True if `tables` tells more than `pointers`. */
bool walk_is_better(const struct walk *tables, const struct walk *pointers);

/* Leaves out the host's own frames: those at the start, when exit() led into them, and those that
 * called the module. */
void walk_trim(struct walk *walk);

/* The walk into the record, in the place of one that is there. */
void walk_record(const struct walk *walk, struct crash_record *record);

/* Calls `walk(ctx)`. Memory of a process that dies may be anything: when it faults, the rest of
 * `walk` is left out, and false returned. */
bool walk_guarded(void (*walk)(void *), void *ctx);

/* Called by the handler of fatal signals (an unwinder that finds nonsense may abort): ends the
 * guarded call of this thread. Returns when there is none. */
void walk_fault(void);

/* Does once what the first walk by tables costs more than others. */
void walk_warm(void);

#endif
