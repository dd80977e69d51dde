#define _GNU_SOURCE /* ppoll */
#include "host/loop.h"

#include "base/clock.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/orders.h"
#include "host/snapshot.h"
#include "host/stop.h"
#include "host/swap.h"

#include <poll.h>
#include <signal.h>

#define BATCH_NS   (20 * NS_PER_US) /* at `max` the clock is read about this often */
#define SERVE_NS   NS_PER_MS        /* at `max` libuv is served about this often */
#define BATCH_MOST 8192U

static volatile sig_atomic_t continued;

void loop_continued(void)
{
    continued = 1;
}

/* Serves libuv; sleeps until `due_ns` or until something happens. */
static void wait_until(struct host *host, uint64_t due_ns)
{
    /* A handle that was started enters epoll in the next uv_run: without this one the sleep would
     * miss it. */
    (void)uv_run(&host->loop, UV_RUN_NOWAIT);
    if (atomic_load_explicit(&host->page->command, memory_order_acquire) != 0 ||
        (host->step_now && !host->paused)) {
        return;
    }
    uint64_t now = clock_ns();
    uint64_t checkpoint = checkpoint_due_at_rest(host);
    due_ns = checkpoint < due_ns ? checkpoint : due_ns;
    uint64_t left = due_ns > now ? due_ns - now : 0;
    int timeout_ms = uv_backend_timeout(&host->loop);
    if (timeout_ms >= 0 && (uint64_t)timeout_ms * NS_PER_MS < left) {
        left = (uint64_t)timeout_ms * NS_PER_MS;
    }
    if (left == 0) {
        return;
    }
    /* The channel by itself, beside libuv's other descriptors: what it brings is not to wait for a
     * turn of libuv. */
    struct pollfd ready[2] = {{.fd = uv_backend_fd(&host->loop), .events = POLLIN},
                              {.fd = channel_fd(host->channel), .events = POLLIN}};
    struct timespec timeout = {.tv_sec = (time_t)(left / NS_PER_S),
                               .tv_nsec = (long)(left % NS_PER_S)};
    bool forever = due_ns == UINT64_MAX && timeout_ms < 0;
    if (ppoll(ready, 2, forever ? NULL : &timeout, NULL) <= 0) {
        return;
    }
    if (ready[1].revents != 0) {
        atomic_store_explicit(&host->page->command, 1, memory_order_relaxed);
    } else {
        (void)uv_run(&host->loop, UV_RUN_NOWAIT);
    }
}

/* Those who asked for steps hear when they are made, or when there will be no more of them. */
static void tell_granted(struct host *host)
{
    if (host->granted_asked > 0 && (host->granted == 0 || !host->paused)) {
        uint64_t made = host->granted_asked - host->granted;
        host->granted = host->granted_asked = 0;
        host_send(host, &(struct message){.type = MESSAGE_STEPS, .steps = {.count = made}});
    }
}

void loop_pause(struct host *host, bool on)
{
    host->paused = on;
    if (!on) {
        pace_resume(&host->pace, clock_ns());
        tell_granted(host);
    }
}

void loop_grant(struct host *host, uint64_t count)
{
    host->granted = host->granted_asked = count;
    tell_granted(host);
}

/* What stands between two steps: messages, requests of the module, a swap, the end. */
static void look_up(struct host *host)
{
    atomic_store_explicit(&host->page->command, 0, memory_order_relaxed);
    /* Cleared before looking: what is set from here on is seen next time. */
    atomic_thread_fence(memory_order_seq_cst);
    orders_receive(host);
    if (host->current != NULL) {
        services_serve(host);
    }
    if (!host->stopping && host->load != NULL) {
        swap_attempt(host);
    }
    if (host->stopping) {
        stop_run(host);
    }
    if (continued != 0) {
        continued = 0;
        pace_resume(&host->pace, clock_ns());
    }
}

static _Noreturn void step_failed(struct host *host, hotrun_status status)
{
    char reason[512];
    services_reason(host->current, "step", status, reason, sizeof reason);
    /* Its own word stands in the status page still: the step that failed. */
    host_leave(host, PAGE_END_ERROR, 0, reason);
}

static void exit_asked(struct host *host)
{
    host->stopping = true;
    host->end = PAGE_END_EXIT;
    host->exit_status = 0;
    atomic_store_explicit(&host->page->command, 1, memory_order_relaxed);
}

/* One step, with everything that a first one needs. */
static void step_once(struct host *host, uint64_t now)
{
    struct generation *generation = host->current;
    hotrun_step step = {.size = (uint32_t)sizeof step,
                        .flags = host->step_flags,
                        .generation = generation->number,
                        .index = host->index,
                        .now_ns = now,
                        .dt_ns =
                            host->paused ? pace_nominal(&host->pace) : pace_step(&host->pace, now)};
    host->step_flags = 0;
    host->step_now = false;
    host_enter(host, generation, PHASE_STEP);
    hotrun_status status = generation->module->step(&generation->api, generation->state, &step);
    if (status != HOTRUN_OK && status != HOTRUN_EXIT) {
        step_failed(host, status);
    }
    host->index++;
    host_back(host);
    host->last_step_end_ns = clock_ns();
    host_send_held(host);
    atomic_store_explicit(&host->page->late, host->pace.late, memory_order_relaxed);
    if (host->publish != 0) {
        snapshot_after_commit(host);
    }
    if (status == HOTRUN_EXIT) {
        exit_asked(host);
    }
}

/* Steps until `count` are made or something wants to be looked at. Nothing here makes a system
 * call. Returns the steps left. */
static unsigned step_many(struct host *host, hotrun_step *step, unsigned count)
{
    struct generation *generation = host->current;
    struct page *page = host->page;
    hotrun_status (*const call)(const hotrun_host *, void *, const hotrun_step *) =
        generation->module->step;
    const hotrun_host *const api = &generation->api;
    void *const state = generation->state;
    hotrun_status status = HOTRUN_OK;
    do {
        atomic_store_explicit(&page->word, page_word(step->index, PHASE_STEP),
                              memory_order_release);
        status = call(api, state, step);
        if (status != HOTRUN_OK) {
            break;
        }
        step->index++;
        count--;
    } while (count > 0 && atomic_load_explicit(&page->command, memory_order_relaxed) == 0);
    if (status != HOTRUN_OK && status != HOTRUN_EXIT) {
        step_failed(host, status);
    }
    if (status == HOTRUN_EXIT) {
        step->index++;
        exit_asked(host);
    }
    host->index = step->index;
    host_back(host);
    return count;
}

/* As fast as possible, until something wants to be looked at. */
static void run_at_max(struct host *host)
{
    struct pace *pace = &host->pace;
    uint64_t now = clock_ns();
    uint64_t served = now;
    uint64_t untold = pace->last_ns == 0 ? 0 : now - pace->last_ns; /* that no step's dt has told */
    /* One that is overdue, as after a pause, waits for a step that it has something to keep of. */
    bool kept = host->index == host->checkpoint.index;
    uint64_t checkpoint = checkpoint_due(host);
    unsigned batch = 1;
    hotrun_step step = {
        .size = (uint32_t)sizeof step, .generation = host->current->number, .index = host->index};
    host_enter(host, host->current, PHASE_NONE);
    while (atomic_load_explicit(&host->page->command, memory_order_acquire) == 0 &&
           !host->step_now && continued == 0 && (now < checkpoint || kept)) {
        /* The steps of a batch share the time before it, so that all dt add up to what has passed.
         */
        uint64_t share = untold / batch;
        step.dt_ns = share < pace->max_dt_ns ? share : pace->max_dt_ns;
        step.now_ns = now;
        unsigned made = batch - step_many(host, &step, batch);
        kept = false;
        uint64_t after = clock_ns();
        uint64_t took = after - now;
        untold = share > pace->max_dt_ns ? took : untold - made * step.dt_ns + took;
        now = after;
        if (took > BATCH_NS) {
            batch = batch > 1 ? batch / 2 : 1;
        } else if (took < BATCH_NS / 2 && batch < BATCH_MOST) {
            batch *= 2;
        }
        if (now - served >= SERVE_NS) {
            (void)uv_run(&host->loop, UV_RUN_NOWAIT);
            served = now;
        }
    }
    pace->last_ns = now - untold;
    host->last_step_end_ns = now;
}

/* One turn while steps are made. */
static void turn(struct host *host, bool deferring)
{
    if (host->step_now) {
        step_once(host, clock_ns());
    } else if (host->pace.kind == PACE_MAX) {
        if (deferring) {
            step_once(host, clock_ns());
            (void)uv_run(&host->loop, UV_RUN_NOWAIT);
        } else {
            run_at_max(host);
        }
    } else if (host->pace.kind == PACE_HZ) {
        uint64_t due = pace_due(&host->pace);
        uint64_t now = clock_ns();
        if (now >= due) {
            /* Steps that are always late must not starve the rest. */
            (void)uv_run(&host->loop, UV_RUN_NOWAIT);
            step_once(host, now);
        } else {
            wait_until(host, due);
        }
    } else {
        atomic_store_explicit(&host->page->idle, 1, memory_order_relaxed);
        wait_until(host, deferring ? clock_ns() + 10 * NS_PER_MS : UINT64_MAX);
        atomic_store_explicit(&host->page->idle, 0, memory_order_relaxed);
    }
}

static void paused_turn(struct host *host)
{
    if (host->granted > 0) {
        host->granted--;
        step_once(host, clock_ns());
        (void)uv_run(&host->loop, UV_RUN_NOWAIT);
        tell_granted(host);
    } else {
        tell_granted(host);
        wait_until(host, UINT64_MAX);
    }
}

void loop_run(struct host *host)
{
    look_up(host);
    while (!host->done) {
        bool deferring = host->load != NULL;
        if (host->current == NULL) {
            wait_until(host, UINT64_MAX);
        } else if (host->paused) {
            paused_turn(host);
        } else {
            turn(host, deferring);
        }
        checkpoint_serve(host, clock_ns());
        if (deferring || continued != 0 ||
            atomic_load_explicit(&host->page->command, memory_order_acquire) != 0) {
            look_up(host);
        }
    }
}
