/* A JSON string can be spelled in many ways ("a", "\u0061"). `raw` is one as it stands between its
 * quotes in a text that scan_next accepted. */
#ifndef STATE_SPELLING_H
#define STATE_SPELLING_H

#include "state/word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes its characters, at most `len` bytes, without a NUL; returns how many. */
size_t spelling_decode(const char *raw, size_t len, char *out);

/* Equal for equal characters, quick, and for up to seven bytes nothing but them. There is no
 * backslash in `raw`; `end` is that of the text. */
static inline uint64_t spelling_mark(const char *raw, size_t len, const char *end)
{
    uint64_t mark = 0;
    for (; len >= 8; raw += 8, len -= 8) {
        mark = (mark ^ word_load(raw, end)) * UINT64_C(0x9E3779B97F4A7C15);
        mark ^= mark >> 32;
    }
    return mark ^ (word_load(raw, end) & ((UINT64_C(1) << 8 * len) - 1));
}

/* Makes each bit depend on all. */
static inline uint64_t spelling_mix(uint64_t mark)
{
    mark = (mark ^ mark >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    mark = (mark ^ mark >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    return mark ^ mark >> 32;
}

/* The mark of a spelling with backslashes. False: no memory for a long one. */
bool spelling_mark_escaped(const char *raw, size_t len, uint64_t *mark);

/* A hash of its characters. `escaped` is false when no backslash is in it. False: no memory for a
 * long one. */
bool spelling_hash(const char *raw, size_t len, bool escaped, uint64_t *hash);

/* Orders two by their characters: below, equal to or above 0. */
int spelling_order(const char *a, size_t a_len, const char *b, size_t b_len);

/* Whether its characters are those of chars[0..chars_len), which are UTF-8. */
bool spelling_is(const char *raw, size_t len, const char *chars, size_t chars_len);

/* The value of four hexadecimal digits at `at`, which need not be valid; -1: *bad is the first byte
 * that is none, or `end`. */
int32_t spelling_unit(const char *at, const char *end, const char **bad);

#endif
