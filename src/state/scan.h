/* The tokens of a JSON text, one after the other: grammar, UTF-8, escapes and depth are checked on
 * the way, nothing is copied. What only several tokens together can break (a key that stands twice)
 * is the caller's to check. */
#ifndef STATE_SCAN_H
#define STATE_SCAN_H

#include "base/error.h"
#include "state/json.h"

#include <stdbool.h>
#include <stddef.h>

enum scan_token {
    SCAN_ERROR, /* the error is filled; the scan is over */
    SCAN_END,   /* the value is complete and nothing follows */
    SCAN_OBJECT,
    SCAN_OBJECT_END,
    SCAN_ARRAY,
    SCAN_ARRAY_END,
    SCAN_KEY, /* key and key_len are set */
    SCAN_SCALAR
};

enum scan_expected {
    SCAN_VALUE,
    SCAN_FIRST_KEY,
    SCAN_FIRST_ITEM,
    SCAN_NEXT
};

struct scan {
    const char *text, *at, *end;
    const char *key; /* in the text, as written between its quotes */
    size_t key_len;
    bool key_escaped;
    enum scan_expected expected;
    unsigned depth; /* containers that are open behind the last token */
    bool object[JSON_DEPTH_MAX];
    struct error *err;
};

void scan_start(struct scan *scan, const char *text, size_t len, struct error *err);
enum scan_token scan_next(struct scan *scan);

/* Fills the error with the place (line, column, byte) of `at` and the sentence. Returns false. */
bool scan_refuse(struct scan *scan, enum error_code code, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
