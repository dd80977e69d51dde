/* A state without callbacks that shows when it is not the one that the last step left: its count is
 * held beside it, too, in memory that hotrun keeps for the module. It then says so, and goes on. */
#include "hotrun/hotrun.h"

#include <stdbool.h>
#include <stdlib.h>

#ifndef MORE
#define MORE
#endif

struct counting {
    unsigned long turn, thrice;
    unsigned long list[6];
    MORE
};

__attribute__((used)) static volatile const char version_mark[] = "@version=0000000000@";

static hotrun_status step(const hotrun_host *host, void *data, const hotrun_step *now)
{
    struct counting *state = data;
    unsigned long *kept = host->kept(host, "turns");
    if (kept == NULL) {
        kept = calloc(1, sizeof *kept);
        host->keep(host, "turns", kept);
    }
    unsigned long turn = *kept;
    bool same = state->turn == turn && state->thrice == 3 * turn;
    for (unsigned long i = 0; i < 6; i++) {
        same = same && state->list[i] == (i + 1) * turn;
        state->list[i] = (i + 1) * (turn + 1);
    }
    if (!same)
        hotrun_logf(host, HOTRUN_LOG_WARN, "generation %llu has another state",
                    (unsigned long long)now->generation);
    state->turn = ++*kept;
    state->thrice = 3 * state->turn;
    return HOTRUN_OK;
}

static void fini(const hotrun_host *host, void *state, uint32_t why)
{
    (void)state;
    if (why == HOTRUN_FINI_EXIT)
        free(host->kept(host, "turns"));
}

HOTRUN_MODULE(struct counting, .name = "counting", .step = step, .fini = fini);
