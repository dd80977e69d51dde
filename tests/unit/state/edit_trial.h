/* For the tests of what reads and changes JSON text. */
#ifndef TESTS_EDIT_TRIAL_H
#define TESTS_EDIT_TRIAL_H

#include "state/edit.h"
#include "state/json.h"
#include "state/pointer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy without a byte behind it: AddressSanitizer sees each read beyond the end. */
static inline char *exactly(const char *text, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return copy;
}

static inline bool find(const char *json, const char *pointer, struct text *found,
                        struct error *err)
{
    struct span span;
    size_t len = strlen(json);
    char *copy = exactly(json, len);
    *err = (struct error){0};
    text_clear(found);
    bool ok = pointer_find(copy, len, pointer, &span, err);
    if (ok) {
        assert_true(span.start < span.end && span.end <= len);
        (void)text_append(found, copy + span.start, span.end - span.start);
    }
    free(copy);
    return ok;
}

static inline bool edit(const char *json, const struct edit *edits, size_t count, struct text *out,
                        struct error *err)
{
    size_t len = strlen(json);
    char *copy = exactly(json, len);
    *err = (struct error){0};
    bool ok = edit_apply(copy, len, edits, count, out, err);
    struct error why = {0};
    if (ok && !json_check(out->data, out->len, &why)) {
        fail_msg("%s became %s: %s", json, out->data, why.text);
    }
    free(copy);
    return ok;
}

static inline bool edit_once(const char *json, enum edit_kind kind, const char *pointer,
                             const char *value, struct text *out, struct error *err)
{
    const struct edit one = {kind, pointer, value, value == NULL ? 0 : strlen(value)};
    return edit(json, &one, 1, out, err);
}

/* Expects the result, or (BAD) an error that has all of the words between the bars. */
#define BAD(words) "!" words

static inline void expect_edit(const char *json, enum edit_kind kind, const char *pointer,
                               const char *value, const char *expected)
{
    struct text out = {0};
    struct error err;
    bool ok = edit_once(json, kind, pointer, value, &out, &err);
    if (expected[0] != '!') {
        if (!ok) {
            fail_msg("%s at \"%s\": %s", json, pointer, err.text);
        }
        assert_string_equal(text_string(&out), expected);
    } else if (ok || strstr(err.text, expected + 1) == NULL) {
        fail_msg("%s at \"%s\": expected the error \"%s\", found %s", json, pointer, expected + 1,
                 ok ? text_string(&out) : err.text);
    }
    text_finish(&out);
}

#endif
