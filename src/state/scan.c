#include "state/scan.h"

#include "state/spelling.h"
#include "state/utf8.h"
#include "state/word.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Columns count characters. The walk from the start is paid for by errors alone. */
bool scan_refuse(struct scan *scan, enum error_code code, const char *at, const char *format, ...)
{
    size_t line = 1;
    size_t column = 1;
    for (const char *p = scan->text; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) {
            column++;
        }
    }
    char sentence[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return error_set(scan->err, code, "line %zu, column %zu (byte %zu): %s", line, column,
                     (size_t)(at - scan->text), sentence);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void describe(const char *at, const char *end, char *out, size_t size)
{
    if (at == end) {
        (void)snprintf(out, size, "the end of the text");
        return;
    }
    size_t len = utf8_len(at, end);
    const char *behind = at;
    uint32_t character = len == 0 ? 0 : utf8_take(&behind);
    int word = 0;
    while (word < 20 && at + word < end && is_letter(at[word])) {
        word++;
    }
    if (word > 0) {
        (void)snprintf(out, size, "'%.*s'", word, at);
    } else if (character == 0xFEFF) {
        (void)snprintf(out, size, "a byte-order mark (U+FEFF)");
    } else if (len > 1) {
        (void)snprintf(out, size, "U+%04X", (unsigned)character);
    } else if (character > 0x20 && character < 0x7F) {
        (void)snprintf(out, size, "'%c'", *at);
    } else {
        (void)snprintf(out, size, "the byte 0x%02X", (unsigned)(unsigned char)*at);
    }
}

static bool refuse(struct scan *scan, const char *at, const char *expected)
{
    char found[64];
    describe(at, scan->end, found, sizeof found);
    return scan_refuse(scan, ERROR_FORMAT, at, "expected %s, found %s", expected, found);
}

/* `at` is a backslash; returns what is behind the escape, NULL when it is refused. */
static const char *check_escape(struct scan *scan, const char *at)
{
    const char *end = scan->end;
    const char *bad;
    if (end - at < 2 || at[1] == '\0' || strchr("\"\\/bfnrtu", at[1]) == NULL) {
        (void)refuse(scan, at + 1, "one of \" \\ / b f n r t u behind a backslash");
        return NULL;
    }
    if (at[1] != 'u') {
        return at + 2;
    }
    int32_t unit = spelling_unit(at + 2, end, &bad);
    if (unit < 0) {
        (void)refuse(scan, bad, "four hexadecimal digits behind \\u");
        return NULL;
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
        return at + 6;
    }
    int32_t second = -1;
    if (end - at >= 8 && at[6] == '\\' && at[7] == 'u') {
        second = spelling_unit(at + 8, end, &bad);
    }
    if (unit >= 0xDC00 || second < 0xDC00 || second > 0xDFFF) {
        (void)scan_refuse(scan, ERROR_FORMAT, at,
                          "expected a surrogate pair (\\uD800 to \\uDBFF, then \\uDC00 to "
                          "\\uDFFF), found \\u%.4s alone",
                          at + 2);
        return NULL;
    }
    return at + 12;
}

/* `at` is behind the opening quote; returns the closing one, NULL when the string is refused. */
static const char *check_string(struct scan *scan, const char *at, bool *escaped)
{
    const char *start = at;
    const char *end = scan->end;
    *escaped = false;
    for (;;) {
        at = word_skip_plain(at, end);
        if (at == end) {
            (void)scan_refuse(scan, ERROR_FORMAT, at,
                              "expected the closing quote of the string that starts at byte %zu, "
                              "found the end of the text",
                              (size_t)(start - 1 - scan->text));
            return NULL;
        }
        if (*at == '"') {
            return at;
        }
        if (*at == '\\') {
            *escaped = true;
            at = check_escape(scan, at);
            if (at == NULL) {
                return NULL;
            }
        }
        while (at < end && (unsigned char)*at >= 0x80) {
            size_t len = utf8_len(at, end);
            if (len == 0) {
                (void)refuse(scan, at, "UTF-8");
                return NULL;
            }
            at += len;
        }
        if (at < end && (unsigned char)*at < 0x20) {
            (void)refuse(scan, at, "control characters in a string as escapes (\\n, \\u001f)");
            return NULL;
        }
    }
}

static const char *skip_digits(struct scan *scan, const char *at, const char *expected)
{
    if (at == scan->end || !is_digit(*at)) {
        (void)refuse(scan, at, expected);
        return NULL;
    }
    while (at < scan->end && is_digit(*at)) {
        at++;
    }
    return at;
}

/* Returns what is behind the number, NULL when it is refused. */
static const char *check_number(struct scan *scan, const char *at)
{
    const char *end = scan->end;
    at += *at == '-';
    const char *digits = at;
    at = skip_digits(scan, at, "a digit behind '-'");
    if (at != NULL && *digits == '0' && at - digits > 1) {
        (void)refuse(scan, digits + 1, "no digit behind a leading 0");
        return NULL;
    }
    if (at != NULL && at < end && *at == '.') {
        at = skip_digits(scan, at + 1, "a digit behind the decimal point");
    }
    if (at != NULL && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        at = skip_digits(scan, at, "a digit in the exponent");
    }
    return at;
}

static const char *check_word(struct scan *scan, const char *at)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(scan->end - at) >= len && memcmp(at, words[i], len) == 0) {
            return at + len;
        }
    }
    (void)refuse(scan, at, "a value");
    return NULL;
}

void scan_start(struct scan *scan, const char *text, size_t len, struct error *err)
{
    scan->text = scan->at = len == 0 ? "" : text;
    scan->end = scan->text + len;
    scan->key = NULL;
    scan->key_len = 0;
    scan->key_escaped = false;
    scan->expected = SCAN_VALUE;
    scan->depth = 0;
    scan->err = err;
}

static enum scan_token open_container(struct scan *scan, const char *at, bool object)
{
    if (scan->depth == JSON_DEPTH_MAX) {
        (void)scan_refuse(
            scan, ERROR_LIMIT, at,
            "expected at most %d objects and arrays inside each other, found one more",
            JSON_DEPTH_MAX);
        return SCAN_ERROR;
    }
    scan->object[scan->depth++] = object;
    scan->at = at + 1;
    scan->expected = object ? SCAN_FIRST_KEY : SCAN_FIRST_ITEM;
    return object ? SCAN_OBJECT : SCAN_ARRAY;
}

static enum scan_token close_container(struct scan *scan, const char *at)
{
    scan->depth--;
    scan->at = at + 1;
    scan->expected = SCAN_NEXT;
    return scan->object[scan->depth] ? SCAN_OBJECT_END : SCAN_ARRAY_END;
}

static enum scan_token take_value(struct scan *scan, const char *at, const char *expected)
{
    if (at == scan->end) {
        (void)refuse(scan, at, expected);
        return SCAN_ERROR;
    }
    bool escaped;
    if (*at == '"') {
        at = check_string(scan, at + 1, &escaped);
        at = at == NULL ? NULL : at + 1;
    } else if (*at == '{' || *at == '[') {
        return open_container(scan, at, *at == '{');
    } else if (is_digit(*at) || *at == '-') {
        at = check_number(scan, at);
    } else if (is_letter(*at)) {
        at = check_word(scan, at);
    } else {
        (void)refuse(scan, at, expected);
        at = NULL;
    }
    scan->at = at;
    scan->expected = SCAN_NEXT;
    return at == NULL ? SCAN_ERROR : SCAN_SCALAR;
}

static enum scan_token take_key(struct scan *scan, const char *at, const char *expected)
{
    if (at == scan->end || *at != '"') {
        (void)refuse(scan, at, expected);
        return SCAN_ERROR;
    }
    const char *quote = check_string(scan, at + 1, &scan->key_escaped);
    if (quote == NULL) {
        return SCAN_ERROR;
    }
    scan->key = at + 1;
    scan->key_len = (size_t)(quote - scan->key);
    at = word_skip_space(quote + 1, scan->end);
    if (at == scan->end || *at != ':') {
        (void)refuse(scan, at, "':' behind a key");
        return SCAN_ERROR;
    }
    scan->at = at + 1;
    scan->expected = SCAN_VALUE;
    return SCAN_KEY;
}

static enum scan_token take_next(struct scan *scan, const char *at)
{
    if (scan->depth == 0) {
        return at == scan->end || refuse(scan, at, "nothing behind the value") ? SCAN_END
                                                                               : SCAN_ERROR;
    }
    bool object = scan->object[scan->depth - 1];
    char found = at == scan->end ? '\0' : *at;
    if (found == ',') {
        at = word_skip_space(at + 1, scan->end);
        return object ? take_key(scan, at, "a key in double quotes behind the comma")
                      : take_value(scan, at, "a value behind the comma");
    }
    if (found == (object ? '}' : ']')) {
        return close_container(scan, at);
    }
    (void)refuse(scan, at, object ? "',' or '}'" : "',' or ']'");
    return SCAN_ERROR;
}

enum scan_token scan_next(struct scan *scan)
{
    const char *at = word_skip_space(scan->at, scan->end);
    char found = at == scan->end ? '\0' : *at;
    switch (scan->expected) {
    case SCAN_FIRST_KEY:
        return found == '}' ? close_container(scan, at)
                            : take_key(scan, at, "a key in double quotes or '}'");
    case SCAN_FIRST_ITEM:
        return found == ']' ? close_container(scan, at) : take_value(scan, at, "a value or ']'");
    case SCAN_NEXT:
        return take_next(scan, at);
    case SCAN_VALUE:
        break;
    }
    return take_value(scan, at, "a value");
}
