// Reads numbers out of the JSON object that `serialize` has written. hotrun hands only whole, valid
// JSON over, so that what is not asked for is passed over: strings, arrays and objects within.
#ifndef JSON_HPP
#define JSON_HPP

#include <sstream>
#include <string>
#include <vector>

namespace json
{

// Behind the string whose first quote is at `at`.
inline std::size_t string_end(const std::string &text, std::size_t at)
{
    for (at++; at < text.size() && text[at] != '"'; at++) {
        if (text[at] == '\\')
            at++;
    }
    return at + 1;
}

// What stands from the value of the object's own member `key` on; empty: it has none.
inline std::string member(const std::string &text, const std::string &key)
{
    int depth = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] != '"') {
            depth += text[at] == '{' || text[at] == '[';
            depth -= text[at] == '}' || text[at] == ']';
            at++;
            continue;
        }
        const std::size_t end = string_end(text, at);
        const std::size_t colon = text.find_first_not_of(" \t\r\n", end);
        if (depth == 1 && colon != std::string::npos && text[colon] == ':' &&
            text.compare(at, end - at, '"' + key + '"') == 0)
            return text.substr(text.find_first_not_of(" \t\r\n", colon + 1));
        at = end;
    }
    return {};
}

// A member that is missing, or is no number, leaves `value` as it is.
template <typename Number>
void read(const std::string &text, const std::string &key, Number &value)
{
    std::istringstream in(member(text, key));
    Number number;
    if (in >> number)
        value = number;
}

// The same with an array of numbers.
template <typename Number>
void read(const std::string &text, const std::string &key, std::vector<Number> &values)
{
    std::istringstream in(member(text, key));
    std::vector<Number> numbers;
    char mark = 0;
    Number number;
    if (!(in >> mark) || mark != '[')
        return;
    while (in >> number) {
        numbers.push_back(number);
        in >> mark;
    }
    values = numbers;
}

} // namespace json

#endif
