// hotrun.hpp: typed callbacks for a module in C++ (11 to 23). Optional: hotrun.h alone works as
// well.
//
//     struct game { double x = 1; };
//
//     static hotrun_status step(const hotrun_host &host, game &g, const hotrun_step &now);
//
//     HOTRUN_MODULE(game, .name = "game", .init = hotrun::construct<game>,
//                   .step = hotrun::step<game, step>);
//
// Each template wraps one function of yours. The state arrives as a reference to its type, and an
// exception that leaves the function becomes HOTRUN_ERR, with what() as an ERROR line of the log,
// so that it is shown as the reason. A function of another type does not compile. With -O2 the
// function is inlined into its wrapper. Works without exceptions (-fno-exceptions) and RTTI, too.
//
// Threads, owners, lifetimes and errors are those of the callbacks in hotrun.h.
#ifndef HOTRUN_HPP
#define HOTRUN_HPP

#include "hotrun.h"

#include <exception>
#include <new>

namespace hotrun
{

namespace detail
{

// What `call` returns; HOTRUN_ERR if it throws.
template <typename Call>
static inline hotrun_status guard(const hotrun_host *host, const Call &call) noexcept
{
#ifdef __cpp_exceptions
    try {
        return call();
    } catch (const std::exception &thrown) {
        host->log(host, HOTRUN_LOG_ERROR, thrown.what());
    } catch (...) {
        host->log(host, HOTRUN_LOG_ERROR, "an exception that is not a std::exception");
    }
    return HOTRUN_ERR;
#else
    (void)host;
    return call();
#endif
}

// A state that is destroyed again unless it is kept: an init that fails leaves nothing behind.
template <typename State>
class construction
{
  public:
    explicit construction(void *memory) : state(*::new (memory) State())
    {
    }
    construction(const construction &) = delete;
    construction &operator=(const construction &) = delete;
    ~construction()
    {
        if (!kept)
            state.~State();
    }

    State &state;
    bool kept = false;
};

} // namespace detail

// init: constructs the state in place. With a function: constructs it, then calls the function. A
// state with members that own something (std::vector) needs one of them, and destroy or fini.
template <typename State>
static inline hotrun_status construct(const hotrun_host *host, void *state) noexcept
{
    return detail::guard(host, [=]() -> hotrun_status {
        ::new (state) State();
        return HOTRUN_OK;
    });
}

template <typename State, hotrun_status (*Function)(const hotrun_host &, State &)>
static inline hotrun_status init(const hotrun_host *host, void *state) noexcept
{
    return detail::guard(host, [=]() -> hotrun_status {
        detail::construction<State> made(state);
        const hotrun_status status = Function(*host, made.state);
        made.kept = status == HOTRUN_OK;
        return status;
    });
}

template <typename State,
          hotrun_status (*Function)(const hotrun_host &, State &, const hotrun_step &)>
static inline hotrun_status step(const hotrun_host *host, void *state,
                                 const hotrun_step *now) noexcept
{
    return detail::guard(host, [=]() -> hotrun_status {
        return Function(*host, *static_cast<State *>(state), *now);
    });
}

template <typename State,
          hotrun_status (*Function)(const hotrun_host &, const State &, const hotrun_writer &)>
static inline hotrun_status serialize(const hotrun_host *host, const void *state,
                                      const hotrun_writer *writer) noexcept
{
    return detail::guard(host, [=]() -> hotrun_status {
        return Function(*host, *static_cast<const State *>(state), *writer);
    });
}

// json[len] is '\0' and the text is valid JSON.
template <typename State, hotrun_status (*Function)(const hotrun_host &, State &, const char *json,
                                                    size_t len, uint32_t from_version)>
static inline hotrun_status deserialize(const hotrun_host *host, void *state, const char *json,
                                        size_t len, uint32_t from_version) noexcept
{
    return detail::guard(host, [=]() -> hotrun_status {
        return Function(*host, *static_cast<State *>(state), json, len, from_version);
    });
}

template <typename State,
          hotrun_status (*Function)(const hotrun_host &, State &, const hotrun_event &)>
static inline hotrun_status on_event(const hotrun_host *host, void *state,
                                     const hotrun_event *event) noexcept
{
    return detail::guard(host, [=]() -> hotrun_status {
        return Function(*host, *static_cast<State *>(state), *event);
    });
}

// fini: destroys the state, unless newer code lives on with it (NULL). With a function: calls it
// first, with that pointer; an exception from it is logged.
template <typename State>
static inline void destroy(const hotrun_host *, void *state, uint32_t) noexcept
{
    if (state)
        static_cast<State *>(state)->~State();
}

template <typename State, void (*Function)(const hotrun_host &, State *state_or_null, uint32_t why)>
static inline void fini(const hotrun_host *host, void *state, uint32_t why) noexcept
{
    (void)detail::guard(host, [=]() -> hotrun_status {
        Function(*host, static_cast<State *>(state), why);
        return HOTRUN_OK;
    });
    destroy<State>(host, state, why);
}

} // namespace hotrun

#endif
