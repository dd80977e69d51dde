/* What differs between two JSON texts, value by value, without a tree of either. */
#ifndef STATE_DIFF_H
#define STATE_DIFF_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct difference {
    const char *pointer;        /* RFC 6901; U+0000 in a key, which a C string cannot hold, is shown
                                   as U+FFFD */
    const char *before, *after; /* JSON text; NULL: it was not there, is not there */
    size_t before_len, after_len;
};

/* Returns false to end the comparison. */
typedef bool diff_callback(void *ctx, const struct difference *difference);

/* Both are valid JSON. Objects are compared by name in whatever order, arrays by place; numbers and
 * strings by their value (1.0 and 1e0 are the same, 0 and -0, "\u0041" and "A"). A value that is
 * there on one side alone, or of another kind, is told as a whole. The order is that of `before`;
 * what is new in an object or array comes at its end. Memory is needed for the keys of objects
 * whose order differs. What the callback gets lives until it returns. False: no memory. */
bool diff_json(const char *before, size_t before_len, const char *after, size_t after_len,
               diff_callback *callback, void *ctx, struct error *err);

#endif
