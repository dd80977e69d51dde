/* When the next step of a program without a loader is due. */
#define _GNU_SOURCE
#include "static/program.h"

#include <time.h>

#define NS_PER_S    UINT64_C(1000000000)
#define MAX_DT_NS   UINT64_C(250000000)
#define POLL_NS     UINT64_C(1000000) /* at least this often descriptors are served */
#define BURST_NS    UINT64_C(20000)   /* at rate 0 a look at the clock this often is enough, ... */
#define BURST_STEPS 64u               /* ... and more steps than that save nothing more */
#define PERIOD_MIN  1e3               /* a million steps a second */
#define PERIOD_MAX  1e18              /* 30 years: sums stay inside of 64 bits */

uint64_t hotrun_static_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t hotrun_static_period(double hz)
{
    if (!(hz > 0)) /* NaN, too */
        return 0;
    double ns = (double)NS_PER_S / hz;
    return ns > PERIOD_MAX   ? (uint64_t)PERIOD_MAX
           : ns < PERIOD_MIN ? (uint64_t)PERIOD_MIN
                             : (uint64_t)ns;
}

/* Doubles the burst while it stays well inside of BURST_NS; one that took longer ends it at once,
 * so that steps that have become slow are told the right time. */
static void adapt_burst(hotrun_static *run, uint64_t took_ns)
{
    if (took_ns > BURST_NS)
        run->burst = 1;
    else if (took_ns < BURST_NS / 2 && run->burst < BURST_STEPS)
        run->burst *= 2;
    run->credit = run->burst - 1;
}

/* The next deadline lies on the grid of the first: steps that were missed are left out. */
static void pass_deadline(hotrun_static *run, uint64_t now)
{
    if (now < run->deadline_ns)
        return; /* woken before it */
    run->deadline_ns += ((now - run->deadline_ns) / run->period_ns + 1) * run->period_ns;
}

bool hotrun_static_pace(hotrun_static *run)
{
    uint64_t now = hotrun_static_clock();
    bool due = false;
    while (!due) {
        /* Read anew: a served descriptor's event may have set another rate. */
        uint64_t left = run->period_ns > 0 && now < run->deadline_ns ? run->deadline_ns - now : 0;
        due = left == 0;
        if (left > 0 || now - run->polled_ns >= POLL_NS) {
            if (hotrun_static_serve(run, left))
                due = true;
            now = run->polled_ns = hotrun_static_clock();
        }
        if (run->ending)
            return false;
    }
    uint64_t dt = now - run->stepped_ns;
    if (run->period_ns > 0) {
        pass_deadline(run, now);
    } else {
        adapt_burst(run, dt);
        dt /= run->burst; /* the steps that are told of it share it */
    }
    run->step.now_ns = run->stepped_ns = now;
    run->step.dt_ns = dt < MAX_DT_NS ? dt : MAX_DT_NS;
    return true;
}
