/* A module that uses everything of the header, in the C and C++ that both languages share. */
#include "hotrun/hotrun.h"

#ifdef __cplusplus
#define CAST(type, value) static_cast<type>(value)
#else
#define CAST(type, value) ((type)(value))
#endif

struct game {
    double x;
    uint32_t ticks;
};

static hotrun_status init(const hotrun_host *host, void *state)
{
    CAST(struct game *, state)->x = 1.5;
    hotrun_logf(host, HOTRUN_LOG_DEBUG, "%d arguments, config %s", CAST(int, host->argc),
                host->config);
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct game *game = CAST(struct game *, state);
    game->ticks += 1u;
    game->x += CAST(double, now->dt_ns) * 1e-9;
    if (HOTRUN_HAS(hotrun_host, host, set_rate) &&
        (now->flags & CAST(uint32_t, HOTRUN_STEP_UPDATED)))
        host->set_rate(host, 120.0);
    return game->ticks > 100u ? HOTRUN_EXIT : HOTRUN_OK;
}

static hotrun_status serialize(const hotrun_host *host, const void *state,
                               const hotrun_writer *writer)
{
    const struct game *game = CAST(const struct game *, state);
    (void)host;
    return hotrun_writef(writer, "{\"x\": %.17g, \"ticks\": %lu}", game->x,
                         CAST(unsigned long, game->ticks));
}

static hotrun_status deserialize(const hotrun_host *host, void *state, const char *json, size_t len,
                                 uint32_t from_version)
{
    (void)host;
    (void)state;
    (void)json;
    return len == 0 || from_version > 3u ? HOTRUN_ERR_SCHEMA : HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *state, const hotrun_event *event)
{
    (void)host;
    (void)state;
    return event->type == HOTRUN_EVENT_BEFORE_RELOAD ? HOTRUN_DEFER : HOTRUN_OK;
}

static void fini(const hotrun_host *host, void *state, uint32_t why)
{
    (void)state;
    if (why == HOTRUN_FINI_EXIT)
        (void)host->keep_fd(host, "socket", -1);
}

static const void *get_extension(const char *id)
{
    (void)id;
    return NULL;
}

HOTRUN_MODULE(struct game, .name = "game", .flags = HOTRUN_STATE_PLAIN, .state_version = 3,
              .init = init, .step = step, .serialize = serialize, .deserialize = deserialize,
              .on_event = on_event, .fini = fini, .get_extension = get_extension);
