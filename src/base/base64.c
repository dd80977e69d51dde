#include "base/base64.h"

#include <stdint.h>

#define PIECE 768 /* bytes that are encoded at a time: a multiple of 3 */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_write(char *out, const void *bytes, size_t len)
{
    const unsigned char *from = bytes;
    size_t used = 0;
    for (; len >= 3; from += 3, len -= 3) {
        uint32_t three = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        out[used++] = alphabet[three >> 18];
        out[used++] = alphabet[three >> 12 & 63];
        out[used++] = alphabet[three >> 6 & 63];
        out[used++] = alphabet[three & 63];
    }
    if (len > 0) {
        uint32_t three = (uint32_t)from[0] << 16 | (len > 1 ? (uint32_t)from[1] << 8 : 0);
        out[used++] = alphabet[three >> 18];
        out[used++] = alphabet[three >> 12 & 63];
        out[used++] = len > 1 ? alphabet[three >> 6 & 63] : '=';
        out[used++] = '=';
    }
    return used;
}

bool base64_encode(struct text *out, const void *bytes, size_t len)
{
    const unsigned char *from = bytes;
    char piece[BASE64_SIZE(PIECE)];
    while (len > 0) {
        size_t now = len < PIECE ? len : PIECE;
        if (!text_append(out, piece, base64_write(piece, from, now))) {
            return false;
        }
        from += now;
        len -= now;
    }
    return true;
}

/* 0 to 63; 64: no digit. */
static uint32_t digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? (uint32_t)(c - 'A')
           : c >= 'a' && c <= 'z' ? (uint32_t)(c - 'a') + 26
           : c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : 64;
}

bool base64_decode(struct text *out, const char *text, size_t len)
{
    unsigned char piece[PIECE];
    size_t used = 0;
    if (len % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        size_t pad = !last || text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
        uint32_t a = digit(text[i]), b = digit(text[i + 1]);
        uint32_t c = pad == 2 ? 0 : digit(text[i + 2]), d = pad > 0 ? 0 : digit(text[i + 3]);
        uint32_t three = a << 18 | b << 12 | c << 6 | d;
        /* Bits that no byte needs are 0: else two texts would mean the same bytes. */
        if ((a | b | c | d) > 63 || (pad == 1 && (c & 3) != 0) || (pad == 2 && (b & 15) != 0)) {
            return false;
        }
        unsigned char bytes[3] = {(unsigned char)(three >> 16), (unsigned char)(three >> 8),
                                  (unsigned char)three};
        for (size_t j = 0; j < 3 - pad; j++) {
            piece[used++] = bytes[j];
        }
        if ((used == PIECE || last) && !text_append(out, piece, used)) {
            return false;
        }
        used = used == PIECE ? 0 : used;
    }
    return true;
}
