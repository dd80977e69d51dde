/* What differs between two JSON texts, value by value, without a tree of either. */
#ifndef STATE_DIFF_H
#define STATE_DIFF_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct difference {
    const char *pointer;        /* RFC 6901 */
    const char *before, *after; /* JSON text; NULL: it was not there, is not there */
    size_t before_len, after_len;
};

/* Returns false to end the comparison. */
typedef bool diff_callback(void *ctx, const struct difference *difference);

/* Both are valid JSON. Objects are compared by name in whatever order, arrays by place; numbers and
 * strings by their value (1.0 and 1e0 are the same, "\u0041" and "A" too). The order is that of
 * `before`, then what is new. False: no memory. */
bool diff_json(const char *before, size_t before_len, const char *after, size_t after_len,
               diff_callback *callback, void *ctx, struct error *err);

#endif
