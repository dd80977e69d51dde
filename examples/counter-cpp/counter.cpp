// A module in C++: typed callbacks, and exceptions that become errors with a reason.
#include <hotrun/hotrun.hpp>

#include <stdexcept>
#include <string>

namespace
{

struct counter {
    long count = 0;
    long by = 1;
};

hotrun_status step(const hotrun_host &host, counter &c, const hotrun_step &now)
{
    c.count += c.by;
    if (now.index % 60 == 0)
        hotrun_logf(&host, HOTRUN_LOG_INFO, "%ld", c.count);
    return HOTRUN_OK;
}

hotrun_status serialize(const hotrun_host &, const counter &c, const hotrun_writer &writer)
{
    const std::string json =
        "{\"count\": " + std::to_string(c.count) + ", \"by\": " + std::to_string(c.by) + "}";
    return writer.write(&writer, json.data(), json.size());
}

// The number behind `"key":`; enough for what serialize writes.
long number(const std::string &json, const std::string &key, long otherwise)
{
    const auto at = json.find('"' + key + "\":");
    return at == std::string::npos ? otherwise : std::stol(json.substr(at + key.size() + 3));
}

hotrun_status deserialize(const hotrun_host &, counter &c, const char *text, size_t len, uint32_t)
{
    const std::string json(text, len);
    c.count =
        number(json, "count", c.count); // stol throws: the new code is refused, the old goes on
    c.by = number(json, "by", c.by);
    if (c.by == 0)
        throw std::invalid_argument("a counter that counts by 0");
    return HOTRUN_OK;
}

} // namespace

HOTRUN_MODULE(counter, .name = "counter", .init = hotrun::construct<counter>,
              .step = hotrun::step<counter, step>,
              .serialize = hotrun::serialize<counter, serialize>,
              .deserialize = hotrun::deserialize<counter, deserialize>);
