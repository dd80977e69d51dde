/* Characters of UTF-8 text, well-formed as Unicode defines it: no overlong form, no surrogate,
 * nothing above U+10FFFF. */
#ifndef STATE_UTF8_H
#define STATE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `at`, 1 to 4; 0: not well-formed, or cut by `end`. at < end. */
static inline size_t utf8_len(const char *at, const char *end)
{
    const unsigned char *byte = (const unsigned char *)at;
    size_t len = byte[0] < 0x80 ? 1 : byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    if (len == 1) {
        return 1;
    }
    if (byte[0] < 0xC2 || byte[0] > 0xF4 || (size_t)(end - at) < len) {
        return 0;
    }
    unsigned low = byte[0] == 0xE0 ? 0xA0 : byte[0] == 0xF0 ? 0x90 : 0x80;
    unsigned high = byte[0] == 0xED ? 0x9F : byte[0] == 0xF4 ? 0x8F : 0xBF;
    if (byte[1] < low || byte[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((byte[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* The character at *at, which is well-formed; *at moves behind it. */
static inline uint32_t utf8_take(const char **at)
{
    const unsigned char *byte = (const unsigned char *)*at;
    size_t len = byte[0] < 0x80 ? 1 : byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    uint32_t character = len == 1 ? byte[0] : byte[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        character = character << 6 | (byte[i] & 0x3F);
    }
    *at += len;
    return character;
}

/* Writes a character and returns its bytes, 1 to 4. */
static inline size_t utf8_put(uint32_t character, char out[4])
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t len = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    out[0] = (char)((0xF00u >> len & 0xFF) | character);
    return len;
}

#endif
