/* Tells what hotrun.toml hands to a module: arguments, [module.config], rate. */
#include <hotrun/hotrun.h>

struct demo {
    uint64_t steps, ns;
};

static hotrun_status init(const hotrun_host *host, void *state)
{
    (void)state;
    for (int32_t i = 0; i < host->argc; i++)
        hotrun_logf(host, HOTRUN_LOG_INFO, "argument %d: %s", (int)i, host->argv[i]);
    hotrun_logf(host, HOTRUN_LOG_INFO, "config: %s", host->config);
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct demo *demo = state;
    demo->steps++;
    demo->ns += now->dt_ns;
    if (demo->ns >= 1000000000) {
        hotrun_logf(host, HOTRUN_LOG_INFO, "%lu steps in the last second",
                    (unsigned long)demo->steps);
        *demo = (struct demo){0};
    }
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct demo, .name = "demo", .flags = HOTRUN_STATE_PLAIN, .init = init, .step = step);
