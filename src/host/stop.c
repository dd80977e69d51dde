#include "host/stop.h"

#include "base/clock.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/orders.h"
#include "host/snapshot.h"
#include "host/swap.h"

void stop_run(struct host *host)
{
    struct generation *current = host->current;
    uint64_t begun = clock_ns();
    host->stopping = false;
    host->done = true;
    /* The intent stands before any more user code runs: what happens from here on is part of the
     * end. */
    host->page->exit_status = host->exit_status;
    atomic_store_explicit(&host->page->end, (uint32_t)host->end, memory_order_release);
    host_send(host, &(struct message){.type = MESSAGE_LEAVING});
    swap_forget(host);
    swap_retire_older(host);
    if (current != NULL) {
        hotrun_event event = {.size = (uint32_t)sizeof event,
                              .type = HOTRUN_EVENT_STOPPING,
                              .value = host->exit_status};
        (void)generation_event(current, &event);
        orders_await_layout(host, begun);
        snapshot_request(host, SNAPSHOT_EXIT);
        generation_fini(current, current->state, HOTRUN_FINI_EXIT);
    }
}
