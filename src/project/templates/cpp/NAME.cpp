// @name@: tells how even its steps come. Change it while it runs: the measurement goes on.
#include "json.hpp"

#include <hotrun/hotrun.hpp>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace
{

// A member's default is what a fresh state has, and what an older state does not know.
struct state {
    long long count = 0;
    double longest = 0;          // milliseconds
    std::vector<double> seconds; // what each of the last ones had on average, in milliseconds
    double sum = 0;
};

hotrun_status step(const hotrun_host &host, state &s, const hotrun_step &now)
{
    const double ms = static_cast<double>(now.dt_ns) * 1e-6;
    s.count++;
    s.sum += ms;
    s.longest = std::max(s.longest, ms);
    if (s.count % 60 == 0) {
        s.seconds.push_back(s.sum / 60);
        s.sum = 0;
        if (s.seconds.size() > 10)
            s.seconds.erase(s.seconds.begin());
        hotrun_logf(&host, HOTRUN_LOG_INFO, "%lld steps, %.2f ms each, the longest %.2f ms",
                    s.count, s.seconds.back(), s.longest);
    }
    return HOTRUN_OK;
}

// The state goes to the next code as JSON: a new member needs a line here, and one below. What is
// thrown is shown as the reason, and the old code goes on.
hotrun_status serialize(const hotrun_host &, const state &s, const hotrun_writer &writer)
{
    std::ostringstream out;
    out.precision(17);
    out << "{\"count\": " << s.count << ", \"longest\": " << s.longest << ", \"sum\": " << s.sum
        << ", \"seconds\": [";
    for (std::size_t i = 0; i < s.seconds.size(); i++)
        out << (i > 0 ? ", " : "") << s.seconds[i];
    out << "]}";
    const std::string text = out.str();
    return writer.write(&writer, text.data(), text.size());
}

hotrun_status deserialize(const hotrun_host &, state &s, const char *text, std::size_t len,
                          uint32_t)
{
    const std::string object(text, len);
    json::read(object, "count", s.count);
    json::read(object, "longest", s.longest);
    json::read(object, "sum", s.sum);
    json::read(object, "seconds", s.seconds);
    return HOTRUN_OK;
}

} // namespace

HOTRUN_MODULE(state, .name = "@name@", .state_version = 1, .init = hotrun::construct<state>,
              .step = hotrun::step<state, step>, .serialize = hotrun::serialize<state, serialize>,
              .deserialize = hotrun::deserialize<state, deserialize>,
              .fini = hotrun::destroy<state>);
