/* Snapshots at intervals, so that a crash loses little. Made between two steps, when steps were
 * made since the last one. The interval grows so far that they take at most 2 % of the time. */
#ifndef HOST_CHECKPOINT_H
#define HOST_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

struct generation;
struct host;

struct checkpoint {
    uint64_t interval_ns; /* 0: none at intervals */
    uint64_t due_ns;      /* not before */
    uint64_t index;       /* of the step behind the last snapshot */
    uint64_t took_ns;     /* of the last snapshot */
    bool stretched;       /* told that the interval has grown */
    bool failed;          /* the last one at an interval did, which was told */
};

/* True when a snapshot of this generation can be used in another process. */
bool checkpoint_is_of_use(const struct generation *generation);

/* A snapshot was published, or could not be, of before step `index`; it took `took_ns` up to
 * `now_ns`. */
void checkpoint_made(struct host *host, uint64_t index, uint64_t took_ns, uint64_t now_ns);

/* When the next one is due, given that steps are made until then; UINT64_MAX: never. */
uint64_t checkpoint_due(const struct host *host);

/* The same, when no step is made until then: UINT64_MAX where there is nothing new to keep. */
uint64_t checkpoint_due_at_rest(const struct host *host);

/* Makes it if it is due at `now_ns`. */
void checkpoint_serve(struct host *host, uint64_t now_ns);

#endif
