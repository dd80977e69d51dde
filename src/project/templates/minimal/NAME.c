/* @name@: a counter. Change it while it runs: the count goes on. */
#include "json.h"

#include <hotrun/hotrun.h>

struct state {
    long long count;
    long long by;
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

/* The state goes to the next code as JSON: a new field needs a line here, and one below. */
static hotrun_status serialize(const hotrun_host *host, const void *memory,
                               const hotrun_writer *writer)
{
    const struct state *state = memory;
    (void)host;
    return hotrun_writef(writer, "{\"count\": %lld, \"by\": %lld}", state->count, state->by);
}

static hotrun_status deserialize(const hotrun_host *host, void *memory, const char *json,
                                 size_t len, uint32_t from_version)
{
    struct state *state = memory;
    (void)host, (void)len, (void)from_version;
    json_integer(json, "count", &state->count);
    json_integer(json, "by", &state->by);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct state, .name = "@name@", .state_version = 1, .init = init, .step = step,
              .serialize = serialize, .deserialize = deserialize);
