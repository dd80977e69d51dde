// The short way of hotrun.hpp, with a noexcept callback.
#include "hotrun/hotrun.hpp"

struct plain {
    int count = 41;
};

static hotrun_status step(const hotrun_host &, plain &state, const hotrun_step &) noexcept
{
    state.count++;
    return HOTRUN_EXIT;
}

HOTRUN_MODULE(plain, .name = "plain", .init = hotrun::construct<plain>,
              .step = hotrun::step<plain, step>, .fini = hotrun::destroy<plain>);
