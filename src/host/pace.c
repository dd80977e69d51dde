#include "host/pace.h"

#include "base/clock.h"

#define PERIOD_MOST_NS 1e15 /* a longer one would leave the range of deadlines */

static double period_of(double hz)
{
    double ns = 1e9 / hz;
    return ns < PERIOD_MOST_NS ? ns : PERIOD_MOST_NS;
}

void pace_init(struct pace *pace, enum pace_kind kind, double hz, uint64_t max_dt_ns)
{
    *pace = (struct pace){.max_dt_ns = max_dt_ns};
    pace_set(pace, kind, hz, clock_ns());
}

void pace_set(struct pace *pace, enum pace_kind kind, double hz, uint64_t now_ns)
{
    pace->kind = kind == PACE_HZ && hz <= 0 ? PACE_MAX : kind;
    pace->period_ns = pace->kind == PACE_HZ ? period_of(hz) : 0;
    pace->base_ns = now_ns;
    pace->tick = 0;
}

uint64_t pace_due(const struct pace *pace)
{
    return pace->base_ns + (uint64_t)((double)pace->tick * pace->period_ns);
}

uint64_t pace_step(struct pace *pace, uint64_t now_ns)
{
    if (pace->kind == PACE_HZ && now_ns >= pace_due(pace)) {
        uint64_t passed = (uint64_t)((double)(now_ns - pace->base_ns) / pace->period_ns);
        if (passed > pace->tick) {
            pace->late += passed - pace->tick;
            pace->tick = passed;
        }
        pace->tick++;
        /* Far along the grid a double's 53 bits would round deadlines: start it anew on a tick. */
        if (pace->tick >= UINT64_C(1) << 20) {
            pace->base_ns = pace_due(pace);
            pace->tick = 0;
        }
    }
    uint64_t dt = pace->last_ns == 0 ? 0 : now_ns - pace->last_ns;
    pace->last_ns = now_ns;
    return dt < pace->max_dt_ns ? dt : pace->max_dt_ns;
}

uint64_t pace_nominal(const struct pace *pace)
{
    uint64_t period = pace->kind == PACE_HZ ? (uint64_t)pace->period_ns : 0;
    return period < pace->max_dt_ns ? period : pace->max_dt_ns;
}

void pace_resume(struct pace *pace, uint64_t now_ns)
{
    pace->last_ns = 0;
    pace->base_ns = now_ns;
    pace->tick = 0;
}
