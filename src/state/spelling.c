#include "state/spelling.h"

#include "state/utf8.h"

#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int32_t spelling_unit(const char *at, const char *end, const char **bad)
{
    int32_t unit = 0;
    for (*bad = at; *bad < at + 4; (*bad)++) {
        int digit = *bad == end ? -1 : hex_digit(**bad);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static uint32_t take_character(const char **at)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    if (**at != '\\') {
        return utf8_take(at);
    }
    char kind = (*at)[1];
    if (kind != 'u') {
        const char *letter = strchr(letters, kind);
        *at += 2;
        return (unsigned char)(letter == NULL ? kind : meanings[letter - letters]);
    }
    const char *behind;
    uint32_t unit = (uint32_t)spelling_unit(*at + 2, *at + 6, &behind);
    *at += 6;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
        uint32_t second = (uint32_t)spelling_unit(*at + 2, *at + 6, &behind);
        *at += 6;
        unit = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
    }
    return unit;
}

size_t spelling_decode(const char *raw, size_t len, char *out)
{
    size_t written = 0;
    for (const char *at = raw; at < raw + len;) {
        char bytes[4];
        size_t count = utf8_put(take_character(&at), bytes);
        memcpy(out + written, bytes, count);
        written += count;
    }
    return written;
}

bool spelling_mark_escaped(const char *raw, size_t len, uint64_t *mark)
{
    char few[256];
    char *decoded = len <= sizeof few ? few : malloc(len);
    if (decoded == NULL) {
        return false;
    }
    size_t count = spelling_decode(raw, len, decoded);
    *mark = spelling_mark(decoded, count, decoded + count);
    if (decoded != few) {
        free(decoded);
    }
    return true;
}

bool spelling_hash(const char *raw, size_t len, bool escaped, uint64_t *hash)
{
    if (!escaped) {
        *hash = spelling_mark(raw, len, raw + len);
    } else if (!spelling_mark_escaped(raw, len, hash)) {
        return false;
    }
    *hash = spelling_mix(*hash);
    return true;
}

int spelling_order(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len == b_len && memcmp(a, b, a_len) == 0) {
        return 0;
    }
    const char *a_end = a + a_len;
    const char *b_end = b + b_len;
    while (a < a_end && b < b_end) {
        uint32_t x = take_character(&a);
        uint32_t y = take_character(&b);
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return (a < a_end) - (b < b_end);
}

bool spelling_is(const char *raw, size_t len, const char *chars, size_t chars_len)
{
    const char *end = chars + chars_len;
    for (const char *at = raw; at < raw + len;) {
        char bytes[4];
        size_t count = utf8_put(take_character(&at), bytes);
        if ((size_t)(end - chars) < count || memcmp(chars, bytes, count) != 0) {
            return false;
        }
        chars += count;
    }
    return chars == end;
}
