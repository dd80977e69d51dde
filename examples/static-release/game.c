/* The same source for both: a library that hotrun reloads, and an ordinary program. */
#include <hotrun/hotrun.h>

struct game {
    uint64_t steps;
};

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct game *game = state;
    game->steps++;
    if (now->index % 60 == 0)
        hotrun_logf(host, HOTRUN_LOG_INFO, "second %lu", (unsigned long)(game->steps / 60));
    return host->argc > 0 && game->steps > 120 ? HOTRUN_EXIT : HOTRUN_OK;
}

HOTRUN_MODULE(struct game, .name = "game", .step = step);
