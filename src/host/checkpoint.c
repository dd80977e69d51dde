#include "host/checkpoint.h"

#include "base/clock.h"
#include "host/host.h"
#include "host/snapshot.h"
#include "host/views.h"

#define SHARE 50 /* one part of so many of the time */

bool checkpoint_is_of_use(const struct generation *generation)
{
    return snapshot_has_json(generation) || views_has_parts(generation) ||
           (generation->module->flags & HOTRUN_STATE_PLAIN) != 0;
}

void checkpoint_made(struct host *host, uint64_t index, uint64_t took_ns, uint64_t now_ns)
{
    struct checkpoint *checkpoint = &host->checkpoint;
    /* The shorter of two: a moment in which the machine did something else is no cost of them. */
    uint64_t cost_ns = took_ns < checkpoint->took_ns ? took_ns : checkpoint->took_ns;
    uint64_t wait_ns = cost_ns * SHARE;
    bool stretched = checkpoint->interval_ns > 0 && wait_ns > checkpoint->interval_ns;
    checkpoint->index = index;
    checkpoint->took_ns = took_ns;
    checkpoint->due_ns = now_ns + (stretched ? wait_ns : checkpoint->interval_ns);
    if (stretched && wait_ns - checkpoint->interval_ns > checkpoint->interval_ns / 4 &&
        !checkpoint->stretched) { /* a little more is not worth a line */
        checkpoint->stretched = true;
        host_note(
            host, LOG_INFO,
            "a checkpoint takes %.3g ms: one every %.3g s instead of %.3g s, so that it costs "
            "no more than 2 %% of the time",
            (double)cost_ns / 1e6, (double)wait_ns / 1e9, (double)checkpoint->interval_ns / 1e9);
    }
}

uint64_t checkpoint_due(const struct host *host)
{
    const struct checkpoint *checkpoint = &host->checkpoint;
    bool wanted = checkpoint->interval_ns > 0 && host->current != NULL && host->publish == 0 &&
                  checkpoint_is_of_use(host->current);
    return wanted ? checkpoint->due_ns : UINT64_MAX;
}

uint64_t checkpoint_due_at_rest(const struct host *host)
{
    return host->index != host->checkpoint.index ? checkpoint_due(host) : UINT64_MAX;
}

void checkpoint_serve(struct host *host, uint64_t now_ns)
{
    if (now_ns >= checkpoint_due_at_rest(host)) {
        snapshot_request(host, SNAPSHOT_INTERVAL);
    }
}
