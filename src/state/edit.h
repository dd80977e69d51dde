/* Changes to JSON text by splicing: what is not changed keeps every byte, so each digit and each
 * space. */
#ifndef STATE_EDIT_H
#define STATE_EDIT_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum edit_kind {
    EDIT_SET = 1, /* the value at `pointer` becomes `value`; a last part that is missing in an
                     object is added, "-" or the length of an array appends, laid out as its
                     neighbours are */
    EDIT_REMOVE,  /* the value at `pointer` goes; the root can't */
    EDIT_MERGE /* `value` is a merge patch (RFC 7396) for the value at `pointer`, which is there */
};

struct edit {
    enum edit_kind kind;
    const char *pointer;
    const char *value; /* JSON text; NULL with EDIT_REMOVE */
    size_t value_len;
};

/* Applies all of `edits` in their order to json[0..len), valid JSON, and puts the result into `out`
 * (cleared first; its limit is kept to). False with a sentence that names the pointer when one of
 * them can't be done, a value is no JSON, or the result is too long; `out` is of no use then. */
bool edit_apply(const char *json, size_t len, const struct edit *edits, size_t count,
                struct text *out, struct error *err);

#endif
