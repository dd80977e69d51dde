#include "state/accept.h"

#include "state/object_keys.h"
#include "state/spelling.h"
#include "state/utf8.h"
#include "state/word.h"

/* Kept out of line: the way of most texts needs the registers. */
#define RARE __attribute__((noinline))

/* Each take_... returns what is behind the thing at `at`, NULL when there is none. Lengths vary and
 * are never guessed by a branch for each byte: a mispredicted one costs more than eight bytes. */

static inline char peek(const char *at, const char *end)
{
    return at < end ? *at : '\0';
}

/* The first byte that is not white space; *at moves there. */
static inline char next(const char **at, const char *end)
{
    if (*at < end && (unsigned char)**at > ' ') {
        return **at;
    }
    *at = word_skip_space(*at, end);
    return peek(*at, end);
}

static bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* `at` is a backslash. */
RARE static const char *take_escape(const char *at, const char *end)
{
    const char *bad;
    switch (peek(at + 1, end)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 2;
    case 'u':
        break;
    default:
        return NULL;
    }
    int32_t unit = spelling_unit(at + 2, end, &bad);
    if (unit < 0 || is_low_surrogate(unit)) {
        return NULL;
    }
    if (!is_high_surrogate(unit)) {
        return at + 6;
    }
    bool two = peek(at + 6, end) == '\\' && peek(at + 7, end) == 'u';
    return two && is_low_surrogate(spelling_unit(at + 8, end, &bad)) ? at + 12 : NULL;
}

/* To the first byte that is a stop, or to where plain bytes follow; NULL: not UTF-8. Eight bytes
 * are right when their lead bytes ask for exactly the continuation bytes that are there, except
 * behind the few lead bytes that could start an overlong form, a surrogate or more than U+10FFFF.
 */
RARE static const char *skip_utf8(const char *at, const char *end)
{
    uint64_t due = 0; /* marks the bytes that the word before asks for */
    for (;; at += 8) {
        uint64_t word = word_load(at, end);
        if (((word & WORD_HIGH) | due) == 0) {
            return at;
        }
        uint64_t stops = word_stops(word);
        uint64_t within = stops ^ (stops - 1); /* to the first stop; all when there is none */
        uint64_t high = word & within & WORD_HIGH;
        uint64_t lead = high & word << 1;
        uint64_t lead3 = lead & word << 2; /* of three bytes or four */
        uint64_t lead4 = lead3 & word << 3;
        uint64_t expected = due | lead << 8 | lead3 << 16 | lead4 << 24;
        if ((((high & ~lead) ^ expected) & within) != 0) {
            return NULL;
        }
        uint64_t low = word & WORD_EACH(0x0F);
        uint64_t doubtful = (lead & ~lead3 & word_zeros(word & WORD_EACH(0x1E))) | /* C0, C1 */
                            (lead3 & word_zeros(low)) |                            /* E0 */
                            (lead3 & word_zeros(low ^ WORD_EACH(0x0D))) |          /* ED */
                            lead4;
        for (; doubtful != 0; doubtful &= doubtful - 1) {
            if (utf8_len(at + word_first(doubtful), end) == 0) {
                return NULL;
            }
        }
        if (stops != 0) {
            return at + word_first(stops);
        }
        due = lead >> 56 | lead3 >> 48 | lead4 >> 40;
    }
}

/* `at` is behind the opening quote. */
static inline const char *take_string(const char *at, const char *end, bool *escaped)
{
    for (;;) {
        at = word_skip_plain(at, end);
        char stop = peek(at, end);
        if (stop == '"') {
            return at + 1;
        }
        if (stop == '\\') {
            *escaped = true;
            at = take_escape(at, end);
        } else {
            at = (stop & 0x80) != 0 ? skip_utf8(at, end) : NULL;
        }
        if (at == NULL) {
            return NULL;
        }
    }
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What is behind the digits at `at` + 1. */
static inline const char *skip_digits(const char *at, const char *end)
{
    uint64_t others = word_not_digits(word_load(at, end)) & ~UINT64_C(0xFF);
    while (others == 0) {
        at += 8;
        others = word_not_digits(word_load(at, end));
    }
    return at + word_first(others);
}

RARE static const char *take_fraction(const char *at, const char *end)
{
    if (*at == '.') {
        if (!is_digit(peek(at + 1, end))) {
            return NULL;
        }
        at = skip_digits(at + 1, end);
    }
    if ((peek(at, end) | 0x20) == 'e') {
        at++;
        at += peek(at, end) == '-' || peek(at, end) == '+';
        if (!is_digit(peek(at, end))) {
            return NULL;
        }
        at = skip_digits(at, end);
    }
    return at;
}

/* `at` is a digit or a minus sign. */
static inline const char *take_number(const char *at, const char *end)
{
    const char *behind = skip_digits(at, end);
    const char *digits = *at == '-' ? at + 1 : at;
    if (behind == digits || (*digits == '0' && behind - digits > 1)) {
        return NULL;
    }
    char found = peek(behind, end);
    return found == '.' || found == 'e' || found == 'E' ? take_fraction(behind, end) : behind;
}

static inline const char *take_word(const char *at, const char *end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

static inline const char *take_scalar(const char *at, const char *end, char found)
{
    bool escaped;
    if (found == '"') {
        return take_string(at + 1, end, &escaped);
    }
    if (is_digit(found) || found == '-') {
        return take_number(at, end);
    }
    return found == 't'   ? take_word(at, end, "true", 4)
           : found == 'f' ? take_word(at, end, "false", 5)
                          : take_word(at, end, "null", 4);
}

/* A key and its colon. */
static inline const char *take_key(const char *at, const char *end, struct object_keys *keys)
{
    if (next(&at, end) != '"') {
        return NULL;
    }
    const char *raw = at + 1;
    at = object_keys_add_same(keys, raw, end);
    if (at == NULL) {
        bool escaped = false;
        at = take_string(raw, end, &escaped);
        if (at == NULL || !object_keys_add(keys, raw, (size_t)(at - 1 - raw), end, escaped)) {
            return NULL;
        }
    }
    return next(&at, end) == ':' ? at + 1 : NULL;
}

/* The containers that are open. */
struct nest {
    struct object_keys keys;
    unsigned depth;
    char close;                 /* what the innermost one ends with; 0: there is none */
    char outer[JSON_DEPTH_MAX]; /* what those around it end with */
};

static inline bool enter(struct nest *nest, char close)
{
    if (nest->depth == JSON_DEPTH_MAX) {
        return false;
    }
    object_keys_open(&nest->keys, nest->depth);
    nest->outer[nest->depth++] = nest->close;
    nest->close = close;
    return true;
}

static inline bool leave(struct nest *nest)
{
    const struct object_key *first;
    const struct object_key *again;
    bool object = nest->close == '}';
    nest->close = nest->outer[--nest->depth];
    return !object || object_keys_close(&nest->keys, nest->depth, &first, &again);
}

static bool accept_nested(struct nest *nest, const char *at, const char *end)
{
    for (;;) {
        if (nest->close == '}' && (at = take_key(at, end, &nest->keys)) == NULL) {
            return false;
        }
        char found = next(&at, end);
        if (found == '{' || found == '[') {
            if (!enter(nest, found == '{' ? '}' : ']')) {
                return false;
            }
            at++;
            found = next(&at, end);
            if (found != nest->close) {
                continue;
            }
        } else {
            at = take_scalar(at, end, found);
            if (at == NULL) {
                return false;
            }
            found = next(&at, end);
        }
        while (found == nest->close && nest->depth > 0) {
            if (!leave(nest)) {
                return false;
            }
            at++;
            found = next(&at, end);
        }
        if (nest->depth == 0 || found != ',') {
            return nest->depth == 0 && at == end;
        }
        at++;
    }
}

bool accept_json(const char *text, size_t len)
{
    struct nest nest;
    object_keys_start(&nest.keys);
    nest.depth = 0;
    nest.close = '\0';
    text = len == 0 ? "" : text;
    bool ok = accept_nested(&nest, text, text + len);
    object_keys_finish(&nest.keys);
    return ok;
}
