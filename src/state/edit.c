#include "state/edit.h"

#include "state/json.h"
#include "state/manner.h"
#include "state/merge.h"
#include "state/place.h"
#include "state/scan.h"

#include <stdio.h>
#include <string.h>

/* One edit of one text. */
struct change {
    const struct edit *edit;
    const char *json, *end;
    const char *value, *value_end; /* without white space around it */
    struct text *out;
    struct error *err;
    struct place place;
};

static bool refuse(const struct change *change, enum error_code code, const char *sentence)
{
    char shown[PLACE_SHOWN];
    const char *pointer = change->edit->pointer;
    return error_set(change->err, code, "%s: %s", place_show(pointer, strlen(pointer), shown),
                     sentence);
}

static unsigned nesting(const char *value, const char *end)
{
    struct scan scan;
    enum scan_token token;
    unsigned deepest = 0;
    scan_start(&scan, value, (size_t)(end - value), NULL);
    do {
        token = scan_next(&scan);
        deepest = scan.depth > deepest ? scan.depth : deepest;
    } while (token != SCAN_END && token != SCAN_ERROR);
    return deepest;
}

static bool check_value(struct change *change)
{
    const struct edit *edit = change->edit;
    const char *value = edit->value == NULL ? "" : edit->value;
    struct error why;
    if (!json_check(value, edit->value == NULL ? 0 : edit->value_len, &why)) {
        char sentence[sizeof why.text];
        (void)snprintf(sentence, sizeof sentence, "the %s is no JSON: %.900s",
                       edit->kind == EDIT_MERGE ? "patch" : "value", why.text);
        return refuse(change, why.code, sentence);
    }
    change->value = value_start(value, value + edit->value_len);
    change->value_end = value_end(change->value, value + edit->value_len);
    if (change->place.depth + nesting(change->value, change->value_end) > JSON_DEPTH_MAX) {
        char sentence[128];
        (void)snprintf(sentence, sizeof sentence,
                       "expected at most %d objects and arrays inside each other, found more with "
                       "the value",
                       JSON_DEPTH_MAX);
        return refuse(change, ERROR_LIMIT, sentence);
    }
    return true;
}

static void append(const struct change *change, const char *from, const char *to)
{
    (void)text_append(change->out, from, (size_t)(to - from));
}

static void append_added(const struct change *change)
{
    const struct place *place = &change->place;
    const struct members *members = &place->members;
    struct manner manner;
    manner_of(&manner, members, &place->outer, place->depth - 1);
    bool empty = members->count == 0;
    const char *at = empty ? members->inner : value_end(members->value, change->end);
    append(change, change->json, at);
    (void)text_puts(change->out, empty ? manner.lead : ",");
    (void)text_puts(change->out, empty ? "" : manner.next);
    if (place->kind == PLACE_KEY) {
        (void)json_quote_bytes(change->out, place->name, place->name_len);
        (void)text_puts(change->out, manner.gap);
    }
    append(change, change->value, change->value_end);
    (void)text_puts(change->out, empty ? manner.tail : "");
    append(change, empty ? members->at : at, change->end);
}

static bool set(struct change *change)
{
    const struct place *place = &change->place;
    bool added = place->last && (place->kind == PLACE_KEY || place->kind == PLACE_BEHIND);
    if (place->kind != PLACE_VALUE && !added) {
        return place_refuse(place, change->edit->pointer, change->err);
    }
    if (!check_value(change)) {
        return false;
    }
    if (added) {
        append_added(change);
    } else {
        append(change, change->json, place->value);
        append(change, change->value, change->value_end);
        append(change, place->end, change->end);
    }
    return true;
}

static bool remove_value(struct change *change)
{
    struct place *place = &change->place;
    struct members *members = &place->members;
    if (place->kind != PLACE_VALUE) {
        return place_refuse(place, change->edit->pointer, change->err);
    }
    if (members->at == NULL) {
        return refuse(change, ERROR_USAGE,
                      "the whole cannot be removed; name something in it, or set it");
    }
    const char *from = members->start;
    const char *to = place->end;
    if (members->count > 1) { /* with the comma before it */
        from = members_lead(members) - 1;
        while ((unsigned char)from[-1] <= ' ') {
            from--;
        }
    } else if (members_next(members, to)) { /* with the one behind it */
        to = members->start;
    } else {
        from = members->inner;
        to = members->at;
    }
    append(change, change->json, from);
    append(change, to, change->end);
    return true;
}

static bool merge(struct change *change)
{
    const struct place *place = &change->place;
    if (place->kind != PLACE_VALUE) {
        return place_refuse(place, change->edit->pointer, change->err);
    }
    if (!check_value(change)) {
        return false;
    }
    append(change, change->json, place->value);
    if (!merge_append(change->out, place, change->value, change->value_end) &&
        !change->out->failed) {
        return refuse(change, ERROR_SYSTEM, "no memory to merge");
    }
    append(change, place->end, change->end);
    return true;
}

static bool change_text(const char *json, size_t len, const struct edit *edit, struct text *out,
                        struct error *err)
{
    struct change change = {.edit = edit, .json = json, .end = json + len, .out = out, .err = err};
    text_clear(out);
    if (!place_find(&change.place, json, len, edit->pointer, err)) {
        return false;
    }
    bool ok = edit->kind == EDIT_SET      ? set(&change)
              : edit->kind == EDIT_REMOVE ? remove_value(&change)
                                          : merge(&change);
    if (ok && out->failed) {
        char sentence[80] = "no memory for the result";
        if (out->limit != 0) {
            (void)snprintf(sentence, sizeof sentence, "the result is longer than %zu bytes",
                           out->limit);
        }
        ok = refuse(&change, ERROR_LIMIT, sentence);
    }
    return ok;
}

bool edit_apply(const char *json, size_t len, const struct edit *edits, size_t count,
                struct text *out, struct error *err)
{
    struct text between[2] = {{0}, {0}}; /* results that are not the last one */
    bool ok = true;
    json = len == 0 ? "" : json;
    text_clear(out);
    if (count == 0 && !text_append(out, json, len)) {
        ok = error_set(err, ERROR_LIMIT, "the result is longer than %zu bytes", out->limit);
    }
    for (size_t i = 0; ok && i < count; i++) {
        struct text *to = i + 1 == count ? out : &between[i % 2];
        ok = change_text(json, len, &edits[i], to, err);
        json = text_string(to);
        len = to->len;
    }
    text_finish(&between[0]);
    text_finish(&between[1]);
    return ok;
}
