#define _GNU_SOURCE /* timegm */
#include "store/envelope.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/hash.h"
#include "link/page.h"
#include "state/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME      "snapshot/"
#define OPENING   "{\"hotrun\":\"" NAME "1\","
#define CHECK     "\"check\":\""
#define CHECK_LEN 32
#define STATE     ",\"state\":"
#define CLOSING   "}\n"

static const char *const why_words[] = {
    [SNAPSHOT_START] = "start",     [SNAPSHOT_SWAP] = "swap", [SNAPSHOT_RELOAD] = "reload",
    [SNAPSHOT_REQUEST] = "request", [SNAPSHOT_EXIT] = "exit", [SNAPSHOT_INTERVAL] = "interval",
    [SNAPSHOT_COMMAND] = "command",
};
#define WHY_COUNT (sizeof why_words / sizeof why_words[0])

static const char *const kind_words[] = {[SNAPSHOT_JSON] = "json", [SNAPSHOT_IMAGE] = "image"};
#define KIND_COUNT (sizeof kind_words / sizeof kind_words[0])

const char *envelope_why(uint32_t why)
{
    return why < WHY_COUNT ? why_words[why] : NULL;
}

uint64_t envelope_size_max(uint64_t limit)
{
    return ENVELOPE_HEAD_MAX + BASE64_SIZE(limit) + 4;
}

/* ---- writing ---- */

static bool put_time(struct text *out, uint64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm parts;
    char text[32];
    return gmtime_r(&seconds, &parts) != NULL &&
           strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) > 0 &&
           text_printf(out, "\"%s.%09lluZ\"", text, (unsigned long long)(time_ns % NS_PER_S));
}

/* What stands between the comma of "check" and the state. */
static bool put_head(struct text *out, const struct snapshot *snapshot)
{
    return text_puts(out, "\"module\":") && json_quote(out, snapshot->module) &&
           text_printf(out, ",\"state_version\":%lu,\"generation\":%llu,\"step\":%llu,\"time\":",
                       (unsigned long)snapshot->state_version,
                       (unsigned long long)snapshot->generation,
                       (unsigned long long)snapshot->step) &&
           put_time(out, snapshot->time_ns) &&
           text_printf(out, ",\"why\":\"%s\",\"kind\":\"%s\",\"flags\":%lu,\"bytes\":%llu" STATE,
                       why_words[snapshot->why], kind_words[snapshot->kind],
                       (unsigned long)snapshot->flags, (unsigned long long)snapshot->len);
}

static bool make_check(char *text, const char *bytes, size_t len)
{
    struct hash_stream *stream = hash_stream_create();
    if (stream == NULL) {
        return false;
    }
    hash_stream_add(stream, bytes, len);
    struct hash hash = hash_stream_end(stream);
    hash_stream_destroy(stream);
    (void)snprintf(text, CHECK_LEN + 1, "%016llx%016llx", (unsigned long long)hash.high,
                   (unsigned long long)hash.low);
    return true;
}

bool envelope_write(struct text *file, const struct snapshot *snapshot, const void *state,
                    struct error *err)
{
    char check[CHECK_LEN + 1];
    size_t check_at = file->len + strlen(OPENING CHECK);
    size_t from = check_at + strlen("\",") + CHECK_LEN;
    if (envelope_why(snapshot->why) == NULL || snapshot->kind >= KIND_COUNT ||
        kind_words[snapshot->kind] == NULL) {
        return error_set(err, ERROR_INTERNAL, "a snapshot of no known reason or kind");
    }
    bool ok = text_printf(file, OPENING CHECK "%0*d\",", CHECK_LEN, 0) && put_head(file, snapshot);
    if (ok && snapshot->kind == SNAPSHOT_JSON) {
        ok = text_append(file, state, (size_t)snapshot->len);
    } else if (ok) {
        ok = text_puts(file, "\"") && base64_encode(file, state, (size_t)snapshot->len) &&
             text_puts(file, "\"");
    }
    if (!ok || !text_puts(file, CLOSING) ||
        !make_check(check, file->data + from, file->len - from)) {
        return error_set(err, ERROR_SYSTEM, "no memory for a snapshot of %llu bytes",
                         (unsigned long long)snapshot->len);
    }
    memcpy(file->data + check_at, check, CHECK_LEN);
    return true;
}

/* ---- reading ---- */

struct cursor {
    const char *at, *end;
    bool loose; /* white space is allowed */
};

static void skip_space(struct cursor *cursor)
{
    while (cursor->loose && cursor->at < cursor->end && memchr(" \t\r\n", *cursor->at, 4) != NULL) {
        cursor->at++;
    }
}

static bool take(struct cursor *cursor, const char *word)
{
    size_t len = strlen(word);
    skip_space(cursor);
    if ((size_t)(cursor->end - cursor->at) < len || memcmp(cursor->at, word, len) != 0) {
        return false;
    }
    cursor->at += len;
    return true;
}

/* A string, as it stands there between its quotes. */
static bool take_string(struct cursor *cursor, const char **start, size_t *len)
{
    if (!take(cursor, "\"")) {
        return false;
    }
    *start = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != '"') {
        cursor->at += *cursor->at == '\\' && cursor->end - cursor->at > 1 ? 2 : 1;
    }
    if (cursor->at >= cursor->end) {
        return false;
    }
    *len = (size_t)(cursor->at - *start);
    cursor->at++;
    return true;
}

static bool take_name(struct cursor *cursor, const char *name)
{
    const char *start;
    size_t len;
    return take_string(cursor, &start, &len) && len == strlen(name) &&
           memcmp(start, name, len) == 0 && take(cursor, ":");
}

static bool take_member(struct cursor *cursor, const char *name)
{
    return take(cursor, ",") && take_name(cursor, name);
}

/* Whole numbers, digit by digit: a double would not hold them. */
static bool take_number(struct cursor *cursor, const char *name, uint64_t most, uint64_t *value)
{
    if (!take_member(cursor, name)) {
        return false;
    }
    skip_space(cursor);
    const char *start = cursor->at;
    *value = 0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++) {
        uint64_t digit = (uint64_t)(*cursor->at - '0');
        if (*value > (most - digit) / 10) {
            return false;
        }
        *value = *value * 10 + digit;
    }
    size_t digits = (size_t)(cursor->at - start);
    return digits > 0 && (digits == 1 || *start != '0');
}

static bool take_word(struct cursor *cursor, const char *name, const char *const *words,
                      size_t count, uint32_t *value)
{
    const char *start;
    size_t len;
    if (!take_member(cursor, name) || !take_string(cursor, &start, &len)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (words[i] != NULL && strlen(words[i]) == len && memcmp(words[i], start, len) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

static bool take_module(struct cursor *cursor, char *name, size_t size)
{
    const char *start;
    size_t len;
    if (!take_name(cursor, "module") || !take_string(cursor, &start, &len)) {
        return false;
    }
    struct error err;
    bool ok = json_check(start - 1, len + 2, &err);
    cJSON *string = ok ? cJSON_ParseWithLength(start - 1, len + 2) : NULL;
    const char *text = cJSON_GetStringValue(string);
    ok = text != NULL && text[0] != '\0' && strlen(text) < size;
    if (ok) {
        (void)snprintf(name, size, "%s", text);
    }
    cJSON_Delete(string);
    return ok;
}

/* Only what put_time writes: anything else would not come out of it the same. */
static bool take_time(struct cursor *cursor, uint64_t *time_ns)
{
    const char *start;
    size_t len;
    char text[40];
    struct tm parts = {0};
    unsigned long nanoseconds;
    if (!take_member(cursor, "time") || !take_string(cursor, &start, &len) || len != 30) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%.30s", start);
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%9luZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
               &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &nanoseconds) != 7) {
        return false;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    time_t seconds = timegm(&parts);
    if (seconds < 0 || (uint64_t)seconds > UINT64_MAX / NS_PER_S - 1) {
        return false;
    }
    *time_ns = (uint64_t)seconds * NS_PER_S + nanoseconds;
    struct text again = {0};
    bool same = put_time(&again, *time_ns) && again.len == len + 2 &&
                memcmp(again.data + 1, start, len) == 0;
    text_finish(&again);
    return same;
}

/* From "module" up to where the state begins. NULL, or the member that is not as it should be. */
static const char *take_head(struct cursor *cursor, struct snapshot *snapshot)
{
    uint64_t version = 0, flags = 0;
    *snapshot = (struct snapshot){0};
    const char *wrong =
        !take_module(cursor, snapshot->module, sizeof snapshot->module) ? "module"
        : !take_number(cursor, "state_version", UINT32_MAX, &version)   ? "state_version"
        : !take_number(cursor, "generation", UINT64_MAX >> 8, &snapshot->generation) ? "generation"
        : !take_number(cursor, "step", (UINT64_C(1) << 56) - 1, &snapshot->step)     ? "step"
        : !take_time(cursor, &snapshot->time_ns)                                     ? "time"
        : !take_word(cursor, "why", why_words, WHY_COUNT, &snapshot->why)            ? "why"
        : !take_word(cursor, "kind", kind_words, KIND_COUNT, &snapshot->kind)        ? "kind"
        : !take_number(cursor, "flags", UINT32_MAX, &flags)                          ? "flags"
        : !take_number(cursor, "bytes", UINT64_MAX, &snapshot->len)                  ? "bytes"
        : !take_member(cursor, "state")                                              ? "state"
                                                                                     : NULL;
    snapshot->state_version = (uint32_t)version;
    snapshot->flags = (uint32_t)flags;
    return wrong;
}

static enum envelope_verdict torn(size_t len, struct error *err)
{
    error_set(err, ERROR_FORMAT, "it was cut short, and ends after %zu bytes", len);
    return ENVELOPE_TORN;
}

static enum envelope_verdict damaged(const char *what, struct error *err)
{
    error_set(err, ERROR_FORMAT, "it was edited or damaged: %s", what);
    return ENVELOPE_DAMAGED;
}

/* `end`, or where the white space before it begins. */
static const char *trimmed(const struct cursor *cursor, const char *end)
{
    while (cursor->loose && end > cursor->at && memchr(" \t\r\n", end[-1], 4) != NULL) {
        end--;
    }
    return end;
}

/* The state, from where the cursor is. */
static enum envelope_verdict take_state(struct envelope *envelope, struct cursor *cursor,
                                        size_t total, struct error *err)
{
    struct snapshot *snapshot = &envelope->snapshot;
    const char *end = cursor->end;
    skip_space(cursor);
    if (!cursor->loose && (end == cursor->at || *--end != '\n')) {
        return torn(total, err);
    }
    end = trimmed(cursor, end);
    if (end == cursor->at || *--end != '}') {
        return torn(total, err);
    }
    end = trimmed(cursor, end);
    size_t len = (size_t)(end - cursor->at);
    struct error why;
    if (!json_check(cursor->at, len, &why)) {
        char text[640];
        (void)snprintf(text, sizeof text, "its state is no JSON: %.500s", why.text);
        return damaged(text, err);
    }
    envelope->state = cursor->at;
    if (snapshot->kind == SNAPSHOT_IMAGE) {
        struct cursor string = {cursor->at, end, cursor->loose};
        const char *start;
        size_t digits;
        if (!take_string(&string, &start, &digits) || string.at != end ||
            !base64_decode(&envelope->image, start, digits)) {
            if (envelope->image.failed) {
                error_set(err, ERROR_SYSTEM, "no memory for its state");
                return ENVELOPE_FAILED;
            }
            return damaged("its state is no base64", err);
        }
        envelope->state = text_string(&envelope->image);
        len = envelope->image.len;
    }
    if (!cursor->loose && snapshot->len != len) {
        return damaged("its state has another length than it says", err);
    }
    snapshot->len = len;
    snapshot->checksum = hash_bytes(envelope->state, len);
    return cursor->loose ? ENVELOPE_UNCHECKED : ENVELOPE_WHOLE;
}

/* Two heads that say the same would be two files with a checksum each: only one is ours. */
static bool is_own_head(const struct snapshot *snapshot, const char *head, size_t len)
{
    struct text own = {0};
    bool same = put_head(&own, snapshot) && own.len == len && memcmp(own.data, head, len) == 0;
    text_finish(&own);
    return same;
}

static enum envelope_verdict read_head_and_state(struct envelope *envelope, struct cursor *cursor,
                                                 size_t total, struct error *err)
{
    const char *head = cursor->at;
    const char *wrong = take_head(cursor, &envelope->snapshot);
    if (wrong == NULL && !cursor->loose &&
        !is_own_head(&envelope->snapshot, head, (size_t)(cursor->at - head))) {
        wrong = "module";
    }
    if (wrong != NULL) {
        char what[64];
        (void)snprintf(what, sizeof what, "\"%s\" is not what it should be", wrong);
        return damaged(what, err);
    }
    return take_state(envelope, cursor, total, err);
}

static enum envelope_verdict read_checked(struct envelope *envelope, const char *bytes, size_t len,
                                          struct error *err)
{
    char check[CHECK_LEN + 1];
    const char *told = bytes + strlen(OPENING CHECK);
    size_t head = strlen(OPENING CHECK) + CHECK_LEN + strlen("\",");
    if (len <= head + strlen(CLOSING)) {
        return torn(len, err);
    }
    if (!make_check(check, bytes + head, len - head)) {
        error_set(err, ERROR_SYSTEM, "no memory");
        return ENVELOPE_FAILED;
    }
    struct cursor cursor = {bytes + head, bytes + len, false};
    if (memcmp(told, check, CHECK_LEN) == 0 && memcmp(told + CHECK_LEN, "\",", 2) == 0) {
        return read_head_and_state(envelope, &cursor, len, err);
    }
    bool ends = memcmp(bytes + len - strlen(CLOSING), CLOSING, strlen(CLOSING)) == 0;
    bool readable = take_head(&cursor, &envelope->snapshot) == NULL;
    if (!ends || (readable && envelope->snapshot.len > (uint64_t)(cursor.end - cursor.at))) {
        return torn(len, err);
    }
    return damaged("its checksum does not fit; who edited it on purpose removes its \"check\" and "
                   "names it in `hotrun restore` or `hotrun --restore`",
                   err);
}

/* Whether the bytes are only the beginning of what every snapshot begins with. */
static bool is_beginning(const char *bytes, size_t len)
{
    size_t all = strlen(OPENING CHECK);
    return memcmp(bytes, OPENING CHECK, len < all ? len : all) == 0;
}

static enum envelope_verdict foreign(struct error *err)
{
    error_set(err, ERROR_FORMAT,
              "it is no snapshot of hotrun: expected {\"hotrun\":\"snapshot/1\"");
    return ENVELOPE_FOREIGN;
}

enum envelope_verdict envelope_read(struct envelope *envelope, const char *bytes, size_t len,
                                    struct error *err)
{
    struct cursor cursor = {bytes, bytes + len, true};
    const char *name = NULL;
    size_t name_len = 0;
    *envelope = (struct envelope){0};
    if (len == 0 || is_beginning(bytes, len)) {
        return len <= strlen(OPENING CHECK) ? torn(len, err)
                                            : read_checked(envelope, bytes, len, err);
    }
    if (!take(&cursor, "{") || !take_name(&cursor, "hotrun") ||
        !take_string(&cursor, &name, &name_len) || name_len <= strlen(NAME) ||
        memcmp(name, NAME, strlen(NAME)) != 0) {
        return foreign(err);
    }
    if (name_len != strlen(NAME) + 1 || name[strlen(NAME)] != '1') {
        error_set(err, ERROR_REFUSED,
                  "it is in the format %.*s, and this hotrun knows " NAME "1: a newer one wrote it",
                  (int)(name_len < 64 ? name_len : 64), name);
        return ENVELOPE_NEWER;
    }
    struct cursor after = cursor;
    if (!take(&cursor, ",")) {
        return torn(len, err);
    }
    if (take_member(&after, "check")) {
        return damaged("it was formatted anew, which its checksum does not allow; who means it "
                       "removes its \"check\" and names it in `hotrun restore`",
                       err);
    }
    return read_head_and_state(envelope, &cursor, len, err);
}

bool envelope_peek(struct snapshot *snapshot, const char *bytes, size_t len)
{
    size_t head = strlen(OPENING CHECK) + CHECK_LEN + strlen("\",");
    if (len <= head || !is_beginning(bytes, len)) {
        return false;
    }
    struct cursor cursor = {bytes + head, bytes + len, false};
    return take_head(&cursor, snapshot) == NULL;
}

void envelope_finish(struct envelope *envelope)
{
    text_finish(&envelope->image);
    envelope->state = NULL;
}
