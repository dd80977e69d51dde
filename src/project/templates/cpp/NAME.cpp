// @name@: tells how even its steps come. Change it while it runs: the measurement goes on.
#include <hotrun/hotrun.hpp>

#include <algorithm>
#include <iterator>

namespace
{

// Add, remove, reorder and retype members while it runs: hotrun reads this struct from the debug
// info (-g) and carries each value to the member of its name. Marks, which stand behind the last
// member, say what names can't: HOTRUN_RENAMED(steps, count); gives steps what was called count.
//
// A std::vector or std::string goes on in new code while its elements are of the same kind, and has
// its default after a crash. Where that is not enough, give the module serialize and deserialize.
//
// A member's default is what a fresh state has, and what an older state does not know.
struct state {
    long long count = 0;
    double longest = 0;      // milliseconds
    double seconds[10] = {}; // what a step of each of the last ones had, the newest first
    double sum = 0;
};

hotrun_status step(const hotrun_host &host, state &s, const hotrun_step &now)
{
    const double ms = static_cast<double>(now.dt_ns) * 1e-6;
    s.count++;
    s.sum += ms;
    s.longest = std::max(s.longest, ms);
    if (s.count % 60 == 0) {
        std::rotate(std::begin(s.seconds), std::end(s.seconds) - 1, std::end(s.seconds));
        s.seconds[0] = s.sum / 60;
        s.sum = 0;
        hotrun_logf(&host, HOTRUN_LOG_INFO, "%lld steps, %.2f ms each, the longest %.2f ms",
                    s.count, s.seconds[0], s.longest);
    }
    return HOTRUN_OK;
}

} // namespace

HOTRUN_MODULE(state, .name = "@name@", .init = hotrun::construct<state>,
              .step = hotrun::step<state, step>, .fini = hotrun::destroy<state>);
