/* The module of the jitter rows: it writes down how late each step is against the grid, and serves
 * a FIFO meanwhile. Arguments: the sheet's path, the FIFO's path, the rate. */
#define _GNU_SOURCE
#include "sheet.h"

#include <hotrun/hotrun.h>
#include <math.h>

struct state {
    struct sheet *sheet;
    double period_ns;
    uint64_t base_ns; /* of the grid; 0: not known yet */
};

static hotrun_status init(const hotrun_host *host, void *memory)
{
    struct state *state = memory;
    int fd = open(host->argv[1], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || host->keep_fd(host, "fifo", fd) != HOTRUN_OK) {
        return HOTRUN_ERR_IO;
    }
    state->sheet = sheet_map(host->argv[0]);
    state->period_ns = 1e9 / atof(host->argv[2]);
    return host->watch_fd(host, "fifo", HOTRUN_FD_READ);
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct state *state = memory;
    uint64_t began = sheet_clock();
    if ((now->flags & HOTRUN_STEP_UPDATED) != 0) {
        /* The grid starts where the rate is set, and its first step is due at once: the next. */
        host->set_rate(host, 1e9 / state->period_ns);
        return HOTRUN_OK;
    }
    if (state->base_ns == 0) {
        state->base_ns = now->now_ns;
        return HOTRUN_OK;
    }
    uint64_t tick = (uint64_t)((double)(now->now_ns - state->base_ns) / state->period_ns);
    uint64_t due = state->base_ns + (uint64_t)((double)tick * state->period_ns);
    uint64_t count = atomic_load_explicit(&state->sheet->count, memory_order_relaxed);
    if (count < SHEET_SAMPLES) {
        state->sheet->samples[count].told_ns = (uint32_t)(now->now_ns - due);
        state->sheet->samples[count].began_ns = (uint32_t)(began - due);
        atomic_store_explicit(&state->sheet->count, count + 1, memory_order_release);
    }
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *memory, const hotrun_event *event)
{
    char bytes[256];
    (void)memory;
    if (event->type == HOTRUN_EVENT_FD_READY) {
        (void)!read(host->kept_fd(host, event->name), bytes, sizeof bytes);
    }
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct state, .name = "ticking", .init = init, .step = step, .on_event = on_event);
