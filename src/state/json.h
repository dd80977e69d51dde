/* JSON text of a module's state, checked and compared without a tree: numbers, escapes and order
 * stay as the module wrote them. RFC 8259 and nothing more: one value, UTF-8 without a byte-order
 * mark, no trailing comma, no NaN. Duplicate keys in one object, unpaired surrogate escapes and
 * invalid UTF-8 are refused. No recursion. */
#ifndef STATE_JSON_H
#define STATE_JSON_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

#define JSON_DEPTH_MAX 512

/* True if text[0..len) is valid. Else the error says what was expected and found, and where: byte,
 * line, column. */
bool json_check(const char *text, size_t len, struct error *err);

/* Compares the keys of two valid texts. A key is named by its path without array positions:
 * player.x, enemies[].hp; a key that is not letters, digits, '_', '$' and inner '-' stands in
 * quotes: player."max hp". False: a text is not valid, no memory, or a `limit` is crossed. Appends
 * to `added` the paths that only `after` has and to `dropped` those that only `before` has, each
 * once, in document order, separated by one '\0' (so the text's len counts the separators); a path
 * below one that is listed already is left out. At most `most` paths each; *more_added and
 * *more_dropped count the rest. */
bool json_compare_keys(const char *before, size_t before_len, const char *after, size_t after_len,
                       size_t most, struct text *added, size_t *more_added, struct text *dropped,
                       size_t *more_dropped, struct error *err);

/* Appends `string` (any bytes) as a JSON string in quotes; each byte that is not UTF-8 becomes
 * U+FFFD. What a terminal would act on and not show (controls, marks of direction) is escaped. */
bool json_quote(struct text *out, const char *string);
bool json_quote_bytes(struct text *out, const char *bytes, size_t len); /* NUL bytes included */

#endif
