/* Whether a call into user code hangs, told from looks at the host that are taken again and again.
 * Pure: no clock, no process. A call is the same one as long as the status page's word and count of
 * calls are the same. Of each stretch between two looks some was spent computing, some asleep, and
 * the rest waiting for a processor: that is an overloaded machine, not the call's fault, and counts
 * for nothing.
 *
 * Busy: for `hang_ns` it computed more than it slept. Blocked: it slept for `hang_ns` in all; told
 * once a call. Blocked too long: it slept for `blocked_ns` in all. A call that was stopped or
 * traced, and one after a gap between two looks (the supervisor was stopped, too, or the whole
 * machine), has all of its time again.
 *
 * A wait for a processor is counted by the kernel when it is over. What a stretch was spent with is
 * told from its two ends, therefore: the sum over all looks in it would take for sleep what each of
 * them saw of a wait. While it is ready it may be in one: how long it slept is known up to the last
 * look that found it asleep. */
#ifndef SUPERVISOR_HANG_H
#define SUPERVISOR_HANG_H

#include <stdbool.h>
#include <stdint.h>

struct hang_limits {              /* ns */
    uint64_t hang_ns, blocked_ns; /* 0: never */
    uint64_t gap_ns;              /* two looks that are farther apart do not belong together */
};

struct hang_look {
    uint64_t now_ns;
    uint64_t word, calls; /* of the status page */
    bool counts;          /* it is in user code whose time is limited here */
    bool stands;          /* it is stopped, or a debugger holds it */
    bool ready;           /* it runs or waits for a processor */
    uint64_t cpu_ns;      /* that its main thread has spent on a processor since it began */
    uint64_t starved_ns;  /* that it was ready and had none */
};

enum hang_verdict {
    HANG_NONE,
    HANG_BUSY,
    HANG_BLOCKED,
    HANG_BLOCKED_LONG
};

struct hang { /* zeroed: nothing was seen */
    bool watching, told;
    struct hang_look last, begun;
    struct hang_look settled; /* the last one that was not ready */
    struct hang_look window;  /* where the stretch began that may be called busy */
    uint64_t slept_ns;        /* since the look `begun` */
};

enum hang_verdict hang_judge(struct hang *hang, const struct hang_limits *limits,
                             const struct hang_look *look);

#endif
