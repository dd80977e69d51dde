// A module that uses everything of hotrun.hpp; each callback throws when asked to.
#include "hotrun/hotrun.hpp"

#ifdef __cpp_exceptions
#include <stdexcept>
#define THROW(text) throw std::runtime_error(text)
#else
#define THROW(text) return HOTRUN_ERR
#endif

namespace
{

struct game {
    double x = 1.5;
    unsigned ticks = 0;
};

hotrun_status init(const hotrun_host &host, game &g)
{
    if (host.argc == 1)
        THROW("init threw");
    g.ticks = 1;
    return HOTRUN_OK;
}

hotrun_status step(const hotrun_host &host, game &g, const hotrun_step &now)
{
    if (host.argc == 2)
        THROW("step threw");
#ifdef __cpp_exceptions
    if (host.argc == 3)
        throw 3;
#endif
    g.x += static_cast<double>(now.dt_ns) * 1e-9;
    g.ticks += 0x5eed;
    return HOTRUN_OK;
}

hotrun_status serialize(const hotrun_host &, const game &g, const hotrun_writer &writer)
{
    if (g.ticks == 0)
        THROW("serialize threw");
    return hotrun_writef(&writer, "{\"x\": %.17g, \"ticks\": %u}", g.x, g.ticks);
}

hotrun_status deserialize(const hotrun_host &, game &g, const char *json, size_t len,
                          uint32_t from_version)
{
    if (len == 0 || *json != '{')
        THROW("deserialize threw");
    g.ticks = from_version;
    return HOTRUN_OK;
}

hotrun_status on_event(const hotrun_host &, game &, const hotrun_event &event)
{
    if (event.type == HOTRUN_EVENT_MESSAGE)
        THROW("on_event threw");
    return HOTRUN_OK;
}

void fini(const hotrun_host &, game *g, uint32_t)
{
#ifdef __cpp_exceptions
    if (g && g->ticks == 0)
        throw std::runtime_error("fini threw");
#else
    (void)g;
#endif
}

} // namespace

HOTRUN_MODULE(game, .name = "game", .init = hotrun::init<game, init>,
              .step = hotrun::step<game, step>, .serialize = hotrun::serialize<game, serialize>,
              .deserialize = hotrun::deserialize<game, deserialize>,
              .on_event = hotrun::on_event<game, on_event>, .fini = hotrun::fini<game, fini>);
