/* @name@: a counter. Change it while it runs: the count goes on. */
#include <hotrun/hotrun.h>

/* Add, remove, reorder and retype fields while it runs: hotrun reads this struct from the debug
 * info (-g) and carries each value to the field of its name. Marks, which stand behind the last
 * field, say what names can't: HOTRUN_RENAMED(total, count); gives total what was called count. */
struct state {
    long long count;
    long long by;
    HOTRUN_TRANSIENT(by); /* after each save it is what init says, not what it was */
};

/* What a fresh state holds, and what a field has that an older state does not know. */
static hotrun_status init(const hotrun_host *host, void *memory)
{
    (void)host;
    *(struct state *)memory = (struct state){.by = 1};
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct state *state = memory;
    state->count += state->by;
    if (now->index % 60 == 0)
        hotrun_logf(host, HOTRUN_LOG_INFO, "count %lld", state->count);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct state, .name = "@name@", .init = init, .step = step);
