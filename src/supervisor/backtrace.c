#include "supervisor/backtrace.h"

#include "base/path.h"
#include "state/utf8.h"
#include "supervisor/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_FRAMES_MOST 64U

/* ---- taking in ---- */

/* Writes `from` as UTF-8 of at most as many bytes, without what a terminal would act on. */
static const char *clean(const char *from, char **at)
{
    char *start = *at, *to = start;
    for (const char *end = from + strlen(from); from < end;) {
        size_t len = utf8_len(from, end);
        unsigned char c = (unsigned char)*from;
        bool control = len == 1 ? c < 0x20 || c == 0x7f
                                : len == 2 && c == 0xc2 && ((unsigned char)from[1] & 0xe0) == 0x80;
        if (len == 0 || control) {
            *to++ = c == '\t' ? ' ' : '?';
            from += len == 0 ? 1 : len;
        } else {
            memcpy(to, from, len);
            to += len;
            from += len;
        }
    }
    *to++ = '\0';
    *at = to;
    return start;
}

/* "/a/build/../src/game.c" -> "/a/src/game.c", by text alone: as compilers put it together. */
static void tidy(char *path)
{
    char *found;
    while ((found = strstr(path, "/../")) != NULL && found != path) {
        char *before = found - 1;
        while (before > path && *before != '/') {
            before--;
        }
        if (*before != '/' || strncmp(before, "/..", 3) == 0) {
            break;
        }
        memmove(before, found + 3, strlen(found + 3) + 1);
    }
    while ((found = strstr(path, "/./")) != NULL) {
        memmove(found, found + 2, strlen(found + 2) + 1);
    }
}

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return len > 0 && strncmp(path, folder, len) == 0 && path[len] == '/';
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_own(const struct naming_frame *frame, bool staged)
{
    if (ends_with(frame->file, "/hotrun/hotrun.hpp")) {
        return false; /* the way from the table to the typed callback */
    }
    if (strncmp(frame->file, "/rustc/", 7) == 0) {
        return false; /* Rust's own library is linked into each */
    }
    return staged ||
           (frame->object[0] == '/' && frame->line != 0 && !naming_is_system(frame->object));
}

void backtrace_take(struct backtrace *trace, const struct naming_answer *answer,
                    const struct backtrace_view *view)
{
    size_t room = 0;
    size_t shown = strlen(view->shown);
    backtrace_finish(trace);
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct naming_frame *from = &answer->frames[i];
        size_t object = strlen(from->object);
        room += strlen(from->function) + strlen(from->file) + strlen(from->source) +
                (object > shown ? object : shown) + 4;
    }
    char *at = trace->strings = malloc(room + 1);
    if (at == NULL) {
        return;
    }
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct naming_frame *from = &answer->frames[i];
        bool staged = is_below(from->object, view->stage);
        char *file = at;
        (void)clean(from->file, &at);
        tidy(file);
        trace->frames[trace->count++] =
            (struct backtrace_frame){.function = clean(from->function, &at),
                                     .file = file,
                                     .source = clean(from->source, &at),
                                     .object = clean(staged ? view->shown : from->object, &at),
                                     .address = from->address,
                                     .offset = from->offset,
                                     .line = from->line,
                                     .column = from->column,
                                     .past = from->past,
                                     .inlined = from->inlined != 0,
                                     .edited = from->edited != 0,
                                     .own = is_own(from, staged)};
    }
    trace->more = answer->more;
}

void backtrace_take_bare(struct backtrace *trace, const struct crash_record *record,
                         const struct backtrace_view *view)
{
    struct naming_answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL) {
        backtrace_finish(trace);
        return;
    }
    for (uint32_t i = 0; i < record->frame_count && i < CRASH_FRAMES_MOST; i++) {
        const struct crash_frame *from = &record->frames[i];
        uint32_t object = from->object;
        struct naming_frame *frame = &answer->frames[answer->count++];
        *frame = (struct naming_frame){
            .address = from->pc, .function = "", .file = "", .source = "", .object = "?"};
        if (object > 0 && object <= record->object_count && object <= CRASH_OBJECTS_MOST &&
            memchr(record->objects[object - 1].path, '\0', CRASH_PATH_SIZE) != NULL) {
            frame->object = record->objects[object - 1].path;
            frame->offset = from->pc - record->objects[object - 1].base;
        }
    }
    backtrace_take(trace, answer, view);
    trace->cut = record->frame_count >= CRASH_FRAMES_MOST;
    free(answer);
}

void backtrace_finish(struct backtrace *trace)
{
    free(trace->strings);
    trace->strings = NULL;
    trace->count = trace->more = 0;
    trace->cut = false;
}

bool backtrace_has(const struct backtrace *trace, const char *function)
{
    for (unsigned i = 0; i < trace->count; i++) {
        if (strcmp(trace->frames[i].function, function) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- for tools ---- */

static void add_hex(cJSON *object, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "0x%llx", (unsigned long long)value);
    event_add_text(object, name, text);
}

static bool in_object(const struct backtrace_frame *frame)
{
    return strcmp(frame->object, "?") != 0;
}

static cJSON *frame_json(const struct backtrace_frame *frame)
{
    cJSON *json = cJSON_CreateObject();
    if (frame->function[0] != '\0') {
        event_add_text(json, "function", frame->function);
    }
    if (frame->file[0] != '\0') {
        char *file = path_short(frame->file);
        event_add_text(json, "file", file == NULL ? frame->file : file);
        free(file);
    }
    if (frame->line != 0) {
        event_add_number(json, "line", frame->line);
    }
    if (frame->column != 0) {
        event_add_number(json, "column", frame->column);
    }
    if (frame->source[0] != '\0') {
        event_add_text(json, "source", frame->source);
    }
    if (frame->edited) {
        event_add_flag(json, "source_edited", true);
    }
    if (frame->inlined) {
        event_add_flag(json, "inlined", true);
    }
    if (in_object(frame)) {
        event_add_text(json, "object", frame->object[0] != '\0' ? frame->object : "hotrun-host");
        add_hex(json, "offset", frame->offset);
    }
    add_hex(json, "address", frame->address);
    return json;
}

cJSON *backtrace_json(const struct backtrace *trace)
{
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; array != NULL && i < trace->count && i < JSON_FRAMES_MOST; i++) {
        event_add_item(array, NULL, frame_json(&trace->frames[i]));
    }
    return array;
}
