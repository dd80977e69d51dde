/* toml++ 3.3 asserts what a file can break ("[" and the end of the line), and with NDEBUG it
 * assumes it. Here the assertions stay, and throw. */
#undef NDEBUG

namespace
{
struct lost {
};

[[noreturn]] void lose()
{
    throw lost{};
}
} // namespace

#define TOML_ASSERT(truth)              ((truth) ? static_cast<void>(0) : lose())
#define TOML_HEADER_ONLY                1
#define TOML_ENABLE_FORMATTERS          0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_MAX_NESTED_VALUES          64
#include <toml++/toml.h>

#include "config/toml.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace
{

constexpr unsigned KEY_PARTS_MOST = 16;

void quote(std::string &out, std::string_view text)
{
    out += '"';
    for (char c : text) {
        char escape[8];
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            (void)std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            out += escape;
        } else {
            out += c;
        }
    }
    out += '"';
}

void write_date(std::string &out, const toml::date &date)
{
    char text[16];
    (void)std::snprintf(text, sizeof text, "%04u-%02u-%02u", date.year, date.month, date.day);
    out += text;
}

void write_time(std::string &out, const toml::time &time)
{
    char text[32];
    (void)std::snprintf(text, sizeof text, "%02u:%02u:%02u", time.hour, time.minute, time.second);
    out += text;
    if (time.nanosecond != 0) {
        (void)std::snprintf(text, sizeof text, ".%09u", time.nanosecond);
        out += text;
    }
}

void write_offset(std::string &out, const toml::date_time &value)
{
    char text[16];
    if (!value.offset) {
        return;
    }
    int minutes = value.offset->minutes;
    if (minutes == 0) {
        out += 'Z';
        return;
    }
    (void)std::snprintf(text, sizeof text, "%c%02d:%02d", minutes < 0 ? '-' : '+',
                        std::abs(minutes) / 60, std::abs(minutes) % 60);
    out += text;
}

/* JSON has no infinities and no dates: they become strings, as in proto3's JSON mapping. */
void write_real(std::string &out, double real)
{
    char text[32];
    if (std::isnan(real)) {
        out += "\"NaN\"";
    } else if (std::isinf(real)) {
        out += real < 0 ? "\"-Infinity\"" : "\"Infinity\"";
    } else {
        for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back */
            (void)std::snprintf(text, sizeof text, "%.*g", digits, real);
            if (std::strtod(text, nullptr) == real) {
                break;
            }
        }
        out += text;
        if (std::strpbrk(text, ".e") == nullptr) {
            out += ".0"; /* it was no integer */
        }
    }
}

void write_json(std::string &out, const toml::node &node)
{
    bool first = true;
    if (const toml::table *table = node.as_table()) {
        out += '{';
        for (const auto &[key, value] : *table) {
            out += first ? "" : ",";
            first = false;
            quote(out, key.str());
            out += ':';
            write_json(out, value);
        }
        out += '}';
    } else if (const toml::array *array = node.as_array()) {
        out += '[';
        for (const toml::node &value : *array) {
            out += first ? "" : ",";
            first = false;
            write_json(out, value);
        }
        out += ']';
    } else if (const auto *string = node.as_string()) {
        quote(out, string->get());
    } else if (const auto *integer = node.as_integer()) {
        out += std::to_string(integer->get());
    } else if (const auto *real = node.as_floating_point()) {
        write_real(out, real->get());
    } else if (const auto *boolean = node.as_boolean()) {
        out += boolean->get() ? "true" : "false";
    } else {
        out += '"';
        if (const auto *date = node.as_date()) {
            write_date(out, date->get());
        } else if (const auto *time = node.as_time()) {
            write_time(out, time->get());
        } else if (const auto *both = node.as_date_time()) {
            write_date(out, both->get().date);
            out += 'T';
            write_time(out, both->get().time);
            write_offset(out, both->get());
        }
        out += '"';
    }
}

/* What TOML allows and hotrun does not. */
struct refusal {
    toml::source_region where;
    const char *why;
};

const char *c_string(const toml::value<std::string> &string)
{
    if (string->find('\0') != std::string::npos) {
        throw refusal{string.source(), "expected a string without \\u0000"};
    }
    return string->c_str();
}

bool is_bare(std::string_view key)
{
    for (char c : key) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (c < '0' || c > '9') && c != '_' && c != '-') {
            return false;
        }
    }
    return !key.empty();
}

struct walk {
    std::string json_table;
    toml_visitor *visitor = nullptr;
    void *ctx = nullptr;

    void array(toml_value &value, const toml::array &items)
    {
        std::vector<const char *> strings;
        value.kind = TOML_ARRAY;
        value.count = 0;
        for (const toml::node &item : items) {
            const auto *string = item.as_string();
            if (string == nullptr) {
                value.count = -1;
                break;
            }
            strings.push_back(c_string(*string));
            value.count++;
        }
        value.strings = strings.data();
        (void)visitor(ctx, &value);
    }

    void visit(const std::string &path, const toml::node &node, const toml::source_region &where)
    {
        toml_value value = {};
        value.key = path.c_str();
        value.line = where.begin.line;
        value.column = where.begin.column;
        if (const toml::table *table = node.as_table()) {
            std::string json;
            value.kind = TOML_TABLE;
            if (path == json_table) {
                write_json(json, node);
                value.string = json.c_str();
                (void)visitor(ctx, &value);
            } else if (visitor(ctx, &value)) {
                descend(path + ".", *table);
            }
            return;
        }
        if (const toml::array *items = node.as_array()) {
            array(value, *items);
            return;
        }
        if (const auto *string = node.as_string()) {
            value.kind = TOML_STRING;
            value.string = c_string(*string);
        } else if (const auto *integer = node.as_integer()) {
            value.kind = TOML_INTEGER;
            value.integer = integer->get();
            value.real = static_cast<double>(integer->get());
        } else if (const auto *real = node.as_floating_point()) {
            value.kind = TOML_FLOAT;
            value.real = real->get();
        } else if (const auto *boolean = node.as_boolean()) {
            value.kind = TOML_BOOLEAN;
            value.boolean = boolean->get();
        } else {
            value.kind = TOML_DATE;
        }
        (void)visitor(ctx, &value);
    }

    void descend(const std::string &prefix, const toml::table &table)
    {
        for (const auto &[key, node] : table) {
            std::string path = prefix;
            if (is_bare(key.str())) {
                path += key.str();
            } else {
                quote(path, key.str());
            }
            visit(path, node, key.source());
        }
    }
};

/* The place behind the string that starts at `at`. */
size_t skip_string(std::string_view text, size_t at)
{
    char quote = text[at];
    std::string_view end = text.substr(at, 3);
    bool lines = end == "\"\"\"" || end == "'''";
    end = end.substr(0, lines ? 3 : 1);
    at += end.size();
    while (at < text.size() && text.substr(at, end.size()) != end) {
        if (text[at] == '\n' && !lines) {
            return at;
        }
        at += text[at] == '\\' && quote == '"' ? 2 : 1;
    }
    return std::min(at + end.size(), text.size());
}

struct finding {
    size_t at;
    const char *why; /* nullptr: nothing was found */
};

/* What toml++ 3.3 must not see. It recurses once for each part of a dotted key, and so does what
 * frees its tables: a line of "a.a.a..." would use up the stack. And some letters outside of
 * strings and comments, where TOML has ASCII only, lead it to what it declares unreachable. A dot
 * stands in keys and numbers only, once strings and comments are left out. */
finding look_ahead(std::string_view text)
{
    unsigned dots = 0;
    size_t at = text.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0;
    while (at < text.size()) {
        char c = text[at];
        if (c == '"' || c == '\'') {
            at = skip_string(text, at);
            continue;
        }
        if (c == '#') {
            at = std::min(text.find('\n', at), text.size());
            continue;
        }
        if (static_cast<unsigned char>(c) >= 0x80) {
            return {at, "expected letters other than a to z in quotes and comments only"};
        }
        if (c == '.' && ++dots == KEY_PARTS_MOST) {
            return {at, "expected a key of at most 16 parts"};
        }
        dots = c == '\n' || std::strchr("=,[]{}", c) != nullptr ? 0 : dots;
        at++;
    }
    return {at, nullptr};
}

toml::source_region place(std::string_view text, size_t at)
{
    toml::source_region where;
    size_t line_start = text.rfind('\n', at) + 1; /* npos + 1 is 0 */
    where.begin.line = 1 + static_cast<toml::source_index>(std::count(
                               text.begin(), text.begin() + static_cast<long>(at), '\n'));
    where.begin.column = 1;
    for (char c : text.substr(line_start, at - line_start)) {
        where.begin.column += (static_cast<unsigned char>(c) & 0xc0) != 0x80; /* characters */
    }
    return where;
}

bool loses(std::string_view text)
{
    try {
        (void)toml::parse(text);
    } catch (const lost &) {
        return true;
    } catch (const toml::parse_error &) {
    }
    return false;
}

/* Where toml++ broke off without saying it: the end of the shortest beginning with which it does.
 */
size_t find_loss(std::string_view text)
{
    size_t good = 0;
    size_t bad = text.size();
    while (bad - good > 1) {
        size_t middle = good + (bad - good) / 2;
        (loses(text.substr(0, middle)) ? bad : good) = middle;
    }
    return good;
}

void tell(toml_problem *problem, const toml::source_region &where, std::string_view text)
{
    problem->line = where.begin.line;
    problem->column = where.begin.column;
    (void)std::snprintf(problem->text, sizeof problem->text, "%.*s", static_cast<int>(text.size()),
                        text.data());
}

} // namespace

bool toml_read(const char *text, size_t len, const char *json_table, toml_visitor *visitor,
               void *ctx, toml_problem *problem)
{
    std::string_view all(text, len);
    try {
        finding found = look_ahead(all);
        if (found.why != nullptr) {
            throw refusal{place(all, found.at), found.why};
        }
        toml::table table = toml::parse(all);
        walk walk;
        walk.json_table = json_table;
        walk.visitor = visitor;
        walk.ctx = ctx;
        walk.descend("", table);
        return true;
    } catch (const toml::parse_error &error) {
        tell(problem, error.source(), error.description());
    } catch (const lost &) {
        tell(problem, place(all, find_loss(all)), "expected a key or a value");
    } catch (const refusal &refused) {
        tell(problem, refused.where, refused.why);
    } catch (const std::exception &error) {
        tell(problem, {}, error.what());
    }
    return false;
}
