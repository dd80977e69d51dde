/* Eight bytes of a text as one number, the first byte lowest: what is asked of each byte is asked
 * of all at once. Answers are marks, a byte's high bit each. */
#ifndef STATE_WORD_H
#define STATE_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define WORD_HIGH       WORD_EACH(0x80)

/* Fewer than eight bytes, then zeros. */
__attribute__((noinline, unused)) static uint64_t word_load_last(const char *at, const char *end)
{
    uint64_t word = 0;
    for (unsigned shift = 0; at < end; at++, shift += 8) {
        word |= (uint64_t)(unsigned char)*at << shift;
    }
    return word;
}

/* The bytes at `at`; those behind `end` are 0, which JSON has no use for anywhere. at <= end. */
static inline uint64_t word_load(const char *at, const char *end)
{
    if (end - at < 8) {
        return word_load_last(at, end);
    }
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Which byte has the first mark. marks != 0. */
static inline unsigned word_first(uint64_t marks)
{
    return (unsigned)__builtin_ctzll(marks) >> 3;
}

/* Marks each byte that is 0. All bytes are below 0x80. */
static inline uint64_t word_zeros(uint64_t word)
{
    return ~(word + WORD_EACH(0x7F)) & WORD_HIGH;
}

/* Marks each byte that is no digit. */
static inline uint64_t word_not_digits(uint64_t word)
{
    word ^= WORD_EACH('0'); /* digits become 0 to 9 */
    return (word | ((word & WORD_EACH(0x7F)) + WORD_EACH(0x76))) & WORD_HIGH;
}

/* Marks each byte that a string cannot have as it is: quote, backslash, control character. A borrow
 * can add marks, but only behind a true one. */
static inline uint64_t word_stops(uint64_t word)
{
    uint64_t stops = (word - WORD_EACH(0x20)) | ((word ^ WORD_EACH('"')) - WORD_EACH(1)) |
                     ((word ^ WORD_EACH('\\')) - WORD_EACH(1));
    return stops & ~word & WORD_HIGH;
}

/* To the first byte that is a stop or not ASCII. */
static inline const char *word_skip_plain(const char *at, const char *end)
{
    for (;; at += 8) {
        uint64_t word = word_load(at, end);
        uint64_t marks = word_stops(word) | (word & WORD_HIGH);
        if (marks != 0) {
            return at + word_first(marks);
        }
    }
}

/* To the first byte that is not white space. */
static inline const char *word_skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
        if (at < end && (unsigned char)*at > ' ') {
            return at;
        }
        uint64_t others;
        while ((others = word_load(at, end) ^ WORD_EACH(' ')) == 0) {
            at += 8;
        }
        at += word_first(others);
    }
    return at;
}

#endif
