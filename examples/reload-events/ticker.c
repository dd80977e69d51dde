/* What code must do around a reload when it has a thread: join it before, start it after. A thread
 * that went on would run in code that is gone. */
#include <hotrun/hotrun.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#define BUSY_STEPS 30 /* every second, half a second of work that no reload should cut */

struct ticker {
    uint64_t ticks;
    uint32_t busy; /* steps until the work is done */
};

/* The code's own: each generation has new ones. */
static pthread_t thread;
static atomic_bool running;
static atomic_ullong ticked;

static void *tick(void *unused)
{
    while (atomic_load(&running)) {
        const struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
        atomic_fetch_add(&ticked, 1);
    }
    return unused;
}

static hotrun_status start(const hotrun_host *host)
{
    if (atomic_exchange(&running, true))
        return HOTRUN_OK;
    if (pthread_create(&thread, NULL, tick, NULL) != 0) {
        atomic_store(&running, false);
        host->log(host, HOTRUN_LOG_ERROR, "no thread");
        return HOTRUN_ERR;
    }
    host->log(host, HOTRUN_LOG_INFO, "thread started");
    return HOTRUN_OK;
}

static void join(const hotrun_host *host, struct ticker *ticker)
{
    if (!atomic_exchange(&running, false))
        return;
    pthread_join(thread, NULL);
    ticker->ticks += atomic_exchange(&ticked, 0);
    hotrun_logf(host, HOTRUN_LOG_INFO, "thread joined after %lu ticks",
                (unsigned long)ticker->ticks);
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct ticker *ticker = state;
    if (now->flags != 0 && start(host) != HOTRUN_OK) /* the first generation gets no AFTER_RELOAD */
        return HOTRUN_ERR;
    if (now->index % 60 == 0)
        ticker->busy = BUSY_STEPS;
    if (ticker->busy > 0)
        ticker->busy--;
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *state, const hotrun_event *event)
{
    struct ticker *ticker = state;
    switch (event->type) {
    case HOTRUN_EVENT_BEFORE_RELOAD:
        if (ticker->busy > 0)
            return HOTRUN_DEFER; /* asked again after the next step */
        join(host, ticker);
        return HOTRUN_OK;
    case HOTRUN_EVENT_RELOAD_REJECTED:
        hotrun_logf(host, HOTRUN_LOG_INFO, "going on: %s", event->text ? event->text : "");
        return start(host);
    case HOTRUN_EVENT_AFTER_RELOAD:
    case HOTRUN_EVENT_ROLLED_BACK:
        return start(host);
    case HOTRUN_EVENT_STOPPING:
        join(host, ticker);
        return HOTRUN_OK;
    default:
        return HOTRUN_OK;
    }
}

HOTRUN_MODULE(struct ticker, .name = "ticker", .step = step, .on_event = on_event);
