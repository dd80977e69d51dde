/* What the supervisor does on which event in which state: one total table, and nothing else
 * decides. The table only names what is to be done; supervisor.c does it. docs/design.md shows the
 * same table, and a test compares the two. */
#ifndef SUPERVISOR_POLICY_H
#define SUPERVISOR_POLICY_H

#include <stdbool.h>
#include <stddef.h>

enum policy_state {
    POLICY_STARTING,   /* a first library, or one after a hold, is being loaded */
    POLICY_RUNNING,    /* confirmed code runs */
    POLICY_SWAPPING,   /* a library is being loaded in the place of one that runs or ran */
    POLICY_PROBATION,  /* new code runs and is not trusted yet */
    POLICY_RESTARTING, /* known code comes back after a death */
    POLICY_HELD,       /* nothing runs: a new library or a command is waited for */
    POLICY_PAUSED, /* confirmed code is there and is not stepped: POLICY_RUNNING with the pause flag
                    */
    POLICY_STOPPING,
    POLICY_STATE_COUNT,
    POLICY_SAME = POLICY_STATE_COUNT /* a cell that leaves the state alone */
};

enum policy_event {
    POLICY_LIBRARY_READY,
    POLICY_SWAP_ACCEPTED,
    POLICY_SWAP_REJECTED,
    POLICY_SWAP_CANCELLED,
    POLICY_PROBATION_OVER,
    POLICY_HOST_DIED,
    POLICY_HOST_HUNG,
    POLICY_EXIT_INTENT,
    POLICY_CTL_RELOAD,
    POLICY_CTL_PAUSE,
    POLICY_CTL_RESUME,
    POLICY_CTL_ROLLBACK,
    POLICY_CTL_RESET,
    POLICY_CTL_RESTORE,
    POLICY_CTL_EDIT,
    POLICY_BUILD_STARTED,
    POLICY_BUILD_FAILED,
    POLICY_BUILD_OK,
    POLICY_SIGNAL_TERM,
    POLICY_SPARE_READY,
    POLICY_SPARE_DIED,
    POLICY_SPAWN_FAILED,
    POLICY_BACKOFF_OVER,
    POLICY_TRACER_ON,
    POLICY_TRACER_OFF,
    POLICY_DURABLE_FAILED,
    POLICY_EVENT_COUNT
};

/* What a cell asks for, done in this order. */
enum policy_step {
    POLICY_BUG = 1 << 0,         /* !   cannot happen: logged; the host is killed */
    POLICY_REFUSE = 1 << 1,      /* E   the command is answered with an error */
    POLICY_QUARANTINE = 1 << 2,  /* Q   the build is not loaded again until its bytes change */
    POLICY_SET_PAUSE = 1 << 3,   /* F+  the pause flag is set, and the host told */
    POLICY_CLEAR_PAUSE = 1 << 4, /* F-  it is cleared */
    POLICY_COUNT = 1 << 5, /* N   counts as a restart; over the limit: H instead of what follows */
    POLICY_KILL = 1 << 6,  /* K   SIGKILL to the host; its death is the next event */
    POLICY_KEEP = 1 << 7,  /* P   the library waits; the newest wins */
    POLICY_SWAP = 1 << 8,  /* S   the library is loaded in the place of the one that runs */
    POLICY_START = 1 << 9, /* ST  the library is started from the last good state, or fresh */
    POLICY_ROLLBACK = 1 << 10, /* RB  the fallback with its own snapshot; none: H */
    POLICY_RESTART = 1 << 11,  /* RS  the same library with the last snapshot; a library that waits
                                  is started instead */
    POLICY_OLDER = 1 << 12,    /* O   the next older snapshot or fallback; none: H */
    POLICY_RETURN = 1 << 13,   /* R   back to the state from which the swap came */
    POLICY_CONFIRM = 1 << 14,  /* C   the older generation may go */
    POLICY_TAKE = 1 << 15,     /* T   a library that waits is taken */
    POLICY_HOLD = 1 << 16,     /* H   nothing runs, the last good state is kept */
    POLICY_TELL = 1 << 17,     /* V   told as an event */
    POLICY_FRESH = 1 << 18,    /* Z   the same library with a fresh state, or that of a snapshot */
    POLICY_CLOCKS = 1 << 19,   /* CL  clocks of probation and hangs stand or go on */
    POLICY_SPARE = 1 << 20,    /* SP  the spare host waits; one that is gone is replaced, later and
                                  later when that goes on; what runs is not touched */
    POLICY_BACKOFF = 1 << 21,  /* B   tried again after a while; over the limit: H */
    POLICY_STOP = 1 << 22,     /* X   the host is asked to end, within the limit */
    POLICY_EXIT = 1 << 23,     /* XX  the supervisor ends, when no host is left */
    POLICY_WAIT = 1 << 24      /* W   the command waits until what is under way is over */
};

struct policy_cell {
    unsigned steps; /* enum policy_step; 0: the event is ignored */
    enum policy_state next;
};

struct policy_cell policy_decide(enum policy_state state, enum policy_event event);

const char *policy_state_name(enum policy_state state);
const char *policy_event_name(enum policy_event event);

/* The cell as the table in docs/design.md writes it: "Q RB > restarting", "-". */
void policy_cell_text(struct policy_cell cell, char *text, size_t size);

#endif
