/* When the next step is due. Deadlines lie on a grid of absolute monotonic time, so they do not
 * drift; a step that comes late leaves out the ticks that have passed and counts them. */
#ifndef HOST_PACE_H
#define HOST_PACE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum pace_kind {
    PACE_HZ,
    PACE_MAX,
    PACE_ONCE
};

struct pace {
    enum pace_kind kind;
    double period_ns; /* PACE_HZ */
    uint64_t base_ns; /* the grid's start */
    uint64_t tick;    /* the next step's place on the grid */
    uint64_t late;    /* ticks left out */
    uint64_t last_ns; /* time of the last step, for dt; 0: none, or time that does not count has
                         passed */
    uint64_t max_dt_ns;
};

void pace_init(struct pace *pace, enum pace_kind kind, double hz, uint64_t max_dt_ns);

/* Another rate from `now` on; hz 0 is PACE_MAX. */
void pace_set(struct pace *pace, enum pace_kind kind, double hz, uint64_t now_ns);

/* PACE_HZ: when the next step is due. */
uint64_t pace_due(const struct pace *pace);

/* A step is made at `now`: moves to the next tick after it, counts those left out, and returns the
 * dt to tell. */
uint64_t pace_step(struct pace *pace, uint64_t now_ns);

/* The dt of a step that is made by itself: one period, or 0 where there is none. */
uint64_t pace_nominal(const struct pace *pace);

/* Time up to now does not count: dt starts anew, and the grid too. */
void pace_resume(struct pace *pace, uint64_t now_ns);

#endif
