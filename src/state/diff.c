#include "state/diff.h"

#include "base/text.h"
#include "state/json.h"
#include "state/member_table.h"
#include "state/number.h"
#include "state/spelling.h"

#include <stdlib.h>
#include <string.h>

/* Two objects or two arrays. They are met side by side as long as their keys are the same; from
 * where they are not, the rest of `after` is looked for by name. */
struct pair {
    struct members before, after;
    const char *before_end, *after_end; /* of the values that were met last; NULL: not known */
    bool by_name;
    size_t first, count; /* the rest of `after`, in the table */
    size_t pointer_len;  /* of its own pointer, when that is written */
};

struct diff {
    const char *before_end, *after_end; /* of the texts */
    diff_callback *callback;
    void *ctx;
    struct text pointer;
    unsigned written; /* pairs whose pointers are the beginning of it */
    struct member_table table;
    struct pair *pair; /* JSON_DEPTH_MAX of them */
    unsigned depth;
    bool ended; /* by the callback */
};

static void append_escaped(struct text *out, const char *name, size_t len)
{
    for (const char *end = name + len; name < end;) {
        const char *run = name;
        while (name < end && *name != '~' && *name != '/' && *name != '\0') {
            name++;
        }
        (void)text_append(out, run, (size_t)(name - run));
        if (name < end) {
            (void)text_puts(out, *name == '~' ? "~0" : *name == '/' ? "~1" : "\xEF\xBF\xBD");
            name++;
        }
    }
}

static bool append_part(struct text *out, const struct members *members)
{
    (void)text_puts(out, "/");
    if (members->key == NULL) {
        return text_printf(out, "%zu", members->count - 1);
    }
    if (!members->key_escaped) {
        append_escaped(out, members->key, members->key_len);
        return !out->failed;
    }
    char *name = malloc(members->key_len);
    if (name == NULL) {
        return false;
    }
    append_escaped(out, name, spelling_decode(members->key, members->key_len, name));
    free(name);
    return !out->failed;
}

/* `in_after`: the innermost part is one that only `after` has. */
static bool tell(struct diff *diff, bool in_after, const struct difference *found)
{
    struct difference difference = *found;
    for (unsigned i = diff->written == 0 ? 0 : diff->written - 1; i < diff->depth; i++) {
        struct pair *pair = &diff->pair[i];
        bool last = i + 1 == diff->depth;
        if (i >= diff->written) {
            pair->pointer_len = diff->pointer.len;
            diff->written = i + 1;
        }
        diff->pointer.len = pair->pointer_len;
        if (!append_part(&diff->pointer, last && in_after ? &pair->after : &pair->before)) {
            return false;
        }
    }
    difference.pointer = text_string(&diff->pointer);
    diff->ended = !diff->callback(diff->ctx, &difference);
    return true;
}

static bool is_number(char first)
{
    return first == '-' || (first >= '0' && first <= '9');
}

static bool same_scalars(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len == b_len && memcmp(a, b, a_len) == 0) {
        return true;
    }
    if (*a == '"' && *b == '"') {
        return spelling_order(a + 1, a_len - 2, b + 1, b_len - 2) == 0;
    }
    return is_number(*a) && is_number(*b) && number_same(a, a_len, b, b_len);
}

/* Two values of one place: told when they differ, entered when both are objects or both arrays. */
static bool compare(struct diff *diff, const char *before, const char *after)
{
    if (*before == *after && (*before == '{' || *before == '[') && diff->depth < JSON_DEPTH_MAX) {
        struct pair *pair = &diff->pair[diff->depth++];
        *pair = (struct pair){.first = diff->table.count};
        members_open(&pair->before, before, diff->before_end);
        members_open(&pair->after, after, diff->after_end);
        return true;
    }
    const char *before_end = value_end(before, diff->before_end);
    const char *after_end = value_end(after, diff->after_end);
    size_t before_len = (size_t)(before_end - before);
    size_t after_len = (size_t)(after_end - after);
    if (diff->depth > 0) {
        diff->pair[diff->depth - 1].before_end = before_end;
        diff->pair[diff->depth - 1].after_end = after_end;
    }
    bool scalars = *before != '{' && *before != '[' && *after != '{' && *after != '[';
    return (scalars && same_scalars(before, before_len, after, after_len)) ||
           tell(diff, false, &(struct difference){NULL, before, after, before_len, after_len});
}

static bool tell_gone(struct diff *diff, struct pair *pair)
{
    const char *value = pair->before.value;
    pair->before_end = value_end(value, diff->before_end);
    return tell(
        diff, false,
        &(struct difference){.before = value, .before_len = (size_t)(pair->before_end - value)});
}

static bool tell_new(struct diff *diff, const char *value)
{
    size_t len = (size_t)(value_end(value, diff->after_end) - value);
    return tell(diff, true, &(struct difference){.after = value, .after_len = len});
}

static bool same_key(const struct members *a, const struct members *b)
{
    if (a->key == NULL) {
        return true;
    }
    if (!a->key_escaped && !b->key_escaped) {
        return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
    }
    return spelling_order(a->key, a->key_len, b->key, b->key_len) == 0;
}

/* `met`: the member of `after` that was met last is one of the rest. */
static bool list_rest(struct diff *diff, struct pair *pair, bool met)
{
    struct member_table *table = &diff->table;
    pair->by_name = true;
    if (met &&
        (!member_table_add(table, &pair->after) || !member_table_add_rest(table, &pair->after))) {
        return false;
    }
    member_table_sort(table, pair->first);
    pair->count = table->count - pair->first;
    return true;
}

/* The next member of `before` with its counterpart. */
static bool compare_next(struct diff *diff, struct pair *pair)
{
    bool failed = false;
    if (!pair->by_name) {
        bool met = members_next(&pair->after, pair->after_end);
        pair->after_end = NULL;
        if (met && same_key(&pair->before, &pair->after)) {
            return compare(diff, pair->before.value, pair->after.value);
        }
        if (!list_rest(diff, pair, met)) {
            return false;
        }
    }
    struct member *member =
        member_table_find(&diff->table, pair->first, pair->count, &pair->before, &failed);
    if (failed || member == NULL) {
        return !failed && tell_gone(diff, pair);
    }
    member->used = true;
    return compare(diff, pair->before.value, member->value);
}

/* What `after` has besides. */
static bool compare_rest(struct diff *diff, struct pair *pair)
{
    bool ok = true;
    if (!pair->by_name) {
        while (ok && !diff->ended && members_next(&pair->after, pair->after_end)) {
            pair->after_end = NULL;
            ok = tell_new(diff, pair->after.value);
        }
        return ok;
    }
    member_table_unsort(&diff->table, pair->first);
    struct members after = pair->after;
    for (size_t i = pair->first; ok && !diff->ended && i < pair->first + pair->count; i++) {
        const struct member *member = &diff->table.member[i];
        if (!member->used) {
            pair->after.key = member->key;
            pair->after.key_len = member->key_len;
            pair->after.key_escaped = memchr(member->key, '\\', member->key_len) != NULL;
            ok = tell_new(diff, member->value);
        }
    }
    pair->after = after;
    return ok;
}

static bool run(struct diff *diff, const char *before, const char *after)
{
    bool ok = compare(diff, before, after);
    while (ok && !diff->ended && diff->depth > 0) {
        struct pair *pair = &diff->pair[diff->depth - 1];
        if (members_next(&pair->before, pair->before_end)) {
            pair->before_end = NULL;
            ok = compare_next(diff, pair);
            continue;
        }
        ok = compare_rest(diff, pair);
        diff->table.count = pair->first;
        diff->depth--;
        diff->written = diff->written < diff->depth ? diff->written : diff->depth;
        if (diff->depth > 0) {
            struct pair *outer = &diff->pair[diff->depth - 1];
            outer->before_end = members_behind(&pair->before);
            outer->after_end = members_behind(&pair->after);
        }
    }
    return ok;
}

bool diff_json(const char *before, size_t before_len, const char *after, size_t after_len,
               diff_callback *callback, void *ctx, struct error *err)
{
    if (before_len == after_len && (before_len == 0 || memcmp(before, after, before_len) == 0)) {
        return true;
    }
    struct diff diff = {.before_end = before + before_len,
                        .after_end = after + after_len,
                        .callback = callback,
                        .ctx = ctx,
                        .pair = malloc(JSON_DEPTH_MAX * sizeof *diff.pair)};
    bool ok = diff.pair != NULL &&
              run(&diff, value_start(before, diff.before_end), value_start(after, diff.after_end));
    free(diff.pair);
    member_table_finish(&diff.table);
    text_finish(&diff.pointer);
    return ok || error_set(err, ERROR_SYSTEM, "no memory to compare two JSON texts");
}
