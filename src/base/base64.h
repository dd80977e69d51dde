/* Bytes as text: base64 of RFC 4648, with padding and without line breaks. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* How long the text of `len` bytes is. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4)

/* Writes the text of bytes[0..len): BASE64_SIZE(len) characters, without a '\0'. Returns how many.
 */
size_t base64_write(char *out, const void *bytes, size_t len);

/* Appends the text. False: no memory, or the text's limit is crossed. */
bool base64_encode(struct text *out, const void *bytes, size_t len);

/* Appends the bytes. False: it is not the one text that base64_encode makes of some bytes, or
 * out->failed. */
bool base64_decode(struct text *out, const char *text, size_t len);

#endif
