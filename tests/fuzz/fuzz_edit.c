/* Any JSON text and any pointer into it: an edit leaves valid JSON in which the value is found, and
 * touches nothing else; what is there stays byte for byte when it is set again; a merge is what
 * merging value by value makes. Any two texts: their difference, applied as edits, makes one of the
 * other. */
#include "state/diff.h"
#include "state/edit.h"
#include "state/json.h"
#include "state/number.h"
#include "state/pointer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MOST 64

struct piece {
    const char *text;
    size_t len;
};

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static bool is_valid(const struct text *text)
{
    struct error err;
    return json_check(text_string(text), text->len, &err);
}

struct seen {
    size_t count;
    bool only;                     /* at `pointer` or below */
    const char *pointer;           /* NULL: anywhere */
    struct edit edits[STEPS_MOST]; /* with pointers of their own */
    bool unnamed;                  /* a key that no pointer names */
};

static bool note(void *ctx, const struct difference *difference)
{
    struct seen *seen = ctx;
    require(difference->before != NULL || difference->after != NULL);
    if (seen->pointer != NULL) {
        size_t len = strlen(seen->pointer);
        seen->only = seen->only && strncmp(difference->pointer, seen->pointer, len) == 0 &&
                     (difference->pointer[len] == '\0' || difference->pointer[len] == '/');
    }
    seen->unnamed = seen->unnamed || strstr(difference->pointer, "\xEF\xBF\xBD") != NULL ||
                    strlen(difference->pointer) > POINTER_MOST;
    if (seen->count < STEPS_MOST) {
        char *copy = strdup(difference->pointer);
        require(copy != NULL);
        seen->edits[seen->count] = (struct edit){difference->after == NULL ? EDIT_REMOVE : EDIT_SET,
                                                 copy, difference->after, difference->after_len};
    }
    seen->count++;
    return true;
}

static void forget(struct seen *seen)
{
    for (size_t i = 0; i < seen->count && i < STEPS_MOST; i++) {
        free((char *)seen->edits[i].pointer);
    }
}

static size_t differences(struct piece a, struct piece b, struct seen *seen)
{
    struct error err;
    *seen = (struct seen){.only = true, .pointer = seen->pointer};
    require(diff_json(a.text, a.len, b.text, b.len, note, seen, &err));
    return seen->count;
}

static bool same(struct piece a, struct piece b)
{
    struct seen seen = {0};
    size_t count = differences(a, b, &seen);
    forget(&seen);
    return count == 0;
}

/* Removals in the order from the last on, so that the numbers of items stay right. */
static void apply_difference(struct piece a, struct piece b)
{
    struct seen seen = {0};
    struct edit edits[STEPS_MOST];
    struct text out = {0};
    struct error err;
    size_t count = differences(a, b, &seen);
    if (count <= STEPS_MOST && !seen.unnamed) {
        size_t at = 0;
        for (size_t i = 0; i < count; i++) {
            if (seen.edits[i].kind == EDIT_SET) {
                edits[at++] = seen.edits[i];
            }
        }
        for (size_t i = count; i-- > 0;) {
            if (seen.edits[i].kind == EDIT_REMOVE) {
                edits[at++] = seen.edits[i];
            }
        }
        require(edit_apply(a.text, a.len, edits, count, &out, &err));
        require(is_valid(&out));
        require(same((struct piece){out.data, out.len}, b));
        require(same(b, (struct piece){out.data, out.len}));
    }
    require((count == 0) == same(b, a));
    text_finish(&out);
    forget(&seen);
}

static void try_set(struct piece json, const char *pointer, struct piece value)
{
    struct span span;
    struct error err;
    struct text out = {0};
    struct edit edit = {EDIT_SET, pointer, value.text, value.len};
    bool there = pointer_find(json.text, json.len, pointer, &span, &err);
    if (edit_apply(json.text, json.len, &edit, 1, &out, &err)) {
        require(is_valid(&out));
        struct seen seen = {.pointer = pointer};
        struct piece result = {out.data, out.len};
        size_t count = differences(json, result, &seen);
        forget(&seen);
        if (there) { /* all that is outside of the value is as before */
            require(seen.only);
            require(memcmp(out.data, json.text, span.start) == 0);
            require(memcmp(out.data + out.len - (json.len - span.end), json.text + span.end,
                           json.len - span.end) == 0);
        } else {
            require(count == 1);
        }
        size_t len = strlen(pointer);
        if (pointer_find(out.data, out.len, pointer, &span, &err)) {
            require(same((struct piece){out.data + span.start, span.end - span.start}, value));
        } else {
            require(len > 0 && pointer[len - 1] == '-');
        }
    }
    if (there) {
        require(pointer_find(json.text, json.len, pointer, &span, &err));
        edit = (struct edit){EDIT_SET, pointer, json.text + span.start, span.end - span.start};
        require(edit_apply(json.text, json.len, &edit, 1, &out, &err));
        require(out.len == json.len && memcmp(out.data, json.text, json.len) == 0);
    }
    text_finish(&out);
}

static void try_remove(struct piece json, const char *pointer)
{
    struct error err;
    struct text out = {0};
    struct span span;
    struct edit edit = {EDIT_REMOVE, pointer, NULL, 0};
    bool there = pointer_find(json.text, json.len, pointer, &span, &err);
    bool removed = edit_apply(json.text, json.len, &edit, 1, &out, &err);
    require(removed == (there && pointer[0] != '\0'));
    if (removed) {
        require(is_valid(&out) && out.len < json.len);
        require(!same(json, (struct piece){out.data, out.len}));
    }
    text_finish(&out);
}

/* What a patch has made is not changed by it again, and the empty patch changes nothing. */
static void try_merge(struct piece json, const char *pointer, struct piece patch)
{
    struct error err;
    struct text once = {0};
    struct text twice = {0};
    struct edit edit = {EDIT_MERGE, pointer, patch.text, patch.len};
    if (edit_apply(json.text, json.len, &edit, 1, &once, &err)) {
        require(is_valid(&once));
        require(edit_apply(once.data, once.len, &edit, 1, &twice, &err));
        require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    }
    if (json.text[strspn(json.text, " \t\r\n")] == '{') {
        edit = (struct edit){EDIT_MERGE, "", "{}", 2};
        require(edit_apply(json.text, json.len, &edit, 1, &once, &err));
        require(once.len == json.len && memcmp(once.data, json.text, json.len) == 0);
    }
    text_finish(&once);
    text_finish(&twice);
}

static void try_all(struct piece json, const char *pointer, struct piece other)
{
    struct error err;
    if (json_check(json.text, json.len, &err)) {
        bool valid = json_check(other.text, other.len, &err);
        try_set(json, pointer, valid ? other : (struct piece){"[1]", 3});
        try_remove(json, pointer);
        if (valid) {
            try_merge(json, pointer, other);
            try_merge(json, "", other);
            apply_difference(json, other);
            apply_difference(other, json);
        }
    }
}

/* Bytes that say how a text grows: most inputs are then valid, and much alike. */
struct choices {
    const uint8_t *at, *end;
};

static size_t choose(struct choices *choices, size_t count)
{
    return choices->at < choices->end ? *choices->at++ % count : 0;
}

static const char *const spaces[] = {"", "", " ", "\n  ", "\n    ", "\t"};
static const char *const names[] = {"a", "b", "\\u0061b",      "c", "\\u002f", "m~n",
                                    "",  "0", "long name here"};
static const char *const parts[] = {"a", "b", "ab", "c", "~1", "m~0n", "", "0", "long name here",
                                    "1", "2", "-",  "01"};
static const char *const scalars[] = {"null",
                                      "1",
                                      "1.0e0",
                                      "10e-1",
                                      "-0",
                                      "\"s\"",
                                      "\"\\u0073\"",
                                      "true",
                                      "9007199254740993",
                                      "1e99999999999999999999"};
#define ONE_OF(choices, list) (list)[choose(choices, sizeof(list) / sizeof *(list))]

static void grow(struct choices *choices, struct text *out, unsigned depth)
{
    size_t kind = choose(choices, depth > 5 ? 1 : 4);
    (void)text_puts(out, depth == 0 ? ONE_OF(choices, spaces) : "");
    if (kind < 1 || kind > 3) {
        (void)text_puts(out, ONE_OF(choices, scalars));
        return;
    }
    size_t name = 0; /* ascending, so that none stands twice */
    const char *space = ONE_OF(choices, spaces);
    size_t count = choose(choices, 5);
    (void)text_printf(out, "%s%s", kind == 1 ? "[" : "{", space);
    for (size_t i = 0; i < count && name < 9; i++) {
        (void)text_puts(out, i == 0 ? "" : ",");
        (void)text_puts(out, i == 0 ? "" : space);
        if (kind != 1) {
            name += choose(choices, 3);
            name = name < 9 ? name : 8;
            (void)text_printf(out, "\"%s\"%s:%s", names[(name++ + (kind == 3 ? 4 : 0)) % 9],
                              ONE_OF(choices, spaces), ONE_OF(choices, spaces));
        }
        grow(choices, out, depth + 1);
    }
    (void)text_printf(out, "%s%s", ONE_OF(choices, spaces), kind == 1 ? "]" : "}");
}

static void try_grown(const uint8_t *data, size_t size)
{
    struct choices choices = {data, data + size};
    struct text json = {0};
    struct text other = {0};
    struct text pointer = {0};
    (void)text_puts(&pointer, "");
    for (size_t i = choose(&choices, 4); i > 0; i--) {
        (void)text_printf(&pointer, "/%s", ONE_OF(&choices, parts));
    }
    grow(&choices, &json, 0);
    grow(&choices, &other, 0);
    require(is_valid(&json) && is_valid(&other));
    try_all((struct piece){json.data, json.len}, pointer.data,
            (struct piece){other.data, other.len});
    text_finish(&json);
    text_finish(&other);
    text_finish(&pointer);
}

/* Three lines: a text, a pointer, another text. New lines in the texts are tabs here. Anything else
 * is grown from. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    require(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    copy[size] = '\0';
    char *pointer = memchr(copy, '\n', size);
    size_t rest = pointer == NULL ? 0 : size - (size_t)(pointer + 1 - copy);
    char *last = rest == 0 ? NULL : memchr(pointer + 1, '\n', rest);
    if (last == NULL) {
        try_grown(data, size);
    } else {
        *pointer++ = '\0';
        *last++ = '\0';
        for (size_t i = 0; i < size; i++) {
            copy[i] = copy[i] == '\t' ? '\n' : copy[i];
        }
        try_all((struct piece){copy, strlen(copy)}, pointer,
                (struct piece){last, size - (size_t)(last - copy)});
    }
    free(copy);
    return 0;
}
