#include "state/members.h"

#include "state/word.h"

static char peek(const char *at, const char *end)
{
    return at < end ? *at : '\0';
}

/* `at` is behind the opening quote; returns what is behind the closing one. */
static const char *string_end(const char *at, const char *end, bool *escaped)
{
    while (at < end) {
        uint64_t stops = word_stops(word_load(at, end));
        if (stops == 0) {
            at += 8;
            continue;
        }
        at += word_first(stops);
        if (peek(at, end) != '\\') {
            return at < end ? at + 1 : end;
        }
        *escaped = true;
        at = end - at > 2 ? at + 2 : end;
    }
    return end;
}

/* Marks quotes and brackets of both kinds. Some other bytes are marked as well, of which none
 * stands outside of strings but for the letters: they cost a look. */
static uint64_t word_turns(uint64_t word)
{
    uint64_t low = word & WORD_EACH(0x7F);
    return word_zeros(low ^ WORD_EACH('"')) | word_zeros((low | WORD_EACH(0x26)) ^ WORD_EACH(0x7F));
}

static const char *container_end(const char *at, const char *end)
{
    size_t depth = 0;
    bool escaped;
    while (at < end) {
        uint64_t turns = word_turns(word_load(at, end));
        if (turns == 0) {
            at += 8;
            continue;
        }
        at += word_first(turns);
        char found = peek(at++, end);
        if (found == '"') {
            at = string_end(at, end, &escaped);
        } else if (found == '{' || found == '[') {
            depth++;
        } else if ((found == '}' || found == ']') && --depth == 0) {
            return at;
        }
    }
    return end;
}

const char *value_end(const char *at, const char *end)
{
    bool escaped;
    char first = peek(at, end);
    if (first == '"') {
        return string_end(at + 1, end, &escaped);
    }
    if (first == '{' || first == '[') {
        return container_end(at, end);
    }
    while (at < end && (unsigned char)*at > ' ' && *at != ',' && *at != ']' && *at != '}') {
        at++;
    }
    return at;
}

const char *value_start(const char *text, const char *end)
{
    return word_skip_space(text, end);
}

void members_open(struct members *members, const char *at, const char *end)
{
    *members = (struct members){.at = at + 1,
                                .end = end,
                                .inner = at + 1,
                                .object = *at == '{',
                                .start = at + 1,
                                .value = at + 1};
}

bool members_next(struct members *members, const char *behind)
{
    const char *end = members->end;
    const char *at = members->at;
    if (members->count > 0) {
        at = word_skip_space(behind != NULL ? behind : value_end(members->value, end), end);
    }
    at = word_skip_space(at, end);
    char found = peek(at, end);
    if (found == ',' && members->count > 0) {
        at = word_skip_space(at + 1, end);
        found = peek(at, end);
    } else if (members->count > 0) {
        found = '\0';
    }
    members->at = at;
    if (found == '\0' || found == '}' || found == ']' || (members->object && found != '"')) {
        return false;
    }
    members->count++;
    members->start = members->value = at;
    if (members->object) {
        members->key = at + 1;
        members->key_escaped = false;
        at = string_end(at + 1, end, &members->key_escaped);
        members->key_len = (size_t)(at - members->key) - (at > members->key);
        at = word_skip_space(at, end);
        at += peek(at, end) == ':';
        members->value = word_skip_space(at, end);
    }
    return true;
}

const char *members_behind(const struct members *members)
{
    return members->at < members->end ? members->at + 1 : members->end;
}

const char *members_lead(const struct members *members)
{
    const char *at = members->start;
    while (at > members->inner && (unsigned char)at[-1] <= ' ') {
        at--;
    }
    return at;
}
