#include <hotrun/hotrun.h>

struct counter {
    unsigned long count;
};

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct counter *c = state;
    if (c->count++ % 60 == 0)
        hotrun_logf(host, HOTRUN_LOG_INFO, "%lu, generation %lu", c->count, now->generation);
    return HOTRUN_OK;
}
HOTRUN_MODULE(struct counter, .name = "minimal", .step = step);
