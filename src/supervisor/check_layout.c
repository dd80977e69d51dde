#include "supervisor/check_layout.h"

#include "layout/describe.h"
#include "supervisor/events.h"
#include "supervisor/reader.h"

#include <stdio.h>

static void on_read(void *ctx, struct reader_result *result)
{
    *(struct reader_result *)ctx = *result;
}

static void add(cJSON *found, const struct layout *layout, bool json)
{
    struct text text = {0};
    bool ok = json ? describe_as_json(layout, &text) : describe_as_c(layout, &text);
    if (!ok) {
        event_add_text(found, "layout_reason", "there is no memory to tell it");
    } else if (json) {
        event_add_item(found, "layout", cJSON_CreateRaw(text_string(&text)));
    } else {
        event_add_text(found, "layout", text_string(&text));
    }
    text_finish(&text);
}

static void read_library(const struct check_library *library, struct reader_result *result)
{
    struct error err = {0};
    struct reader *reader =
        reader_create(library->loop, library->orphans, NULL, READER_LIMIT_MS, on_read, result);
    if (reader != NULL &&
        reader_ask(reader, library->copy, library->origin, library->statics, &err)) {
        while (reader_is_busy(reader)) {
            (void)uv_run(library->loop, UV_RUN_ONCE);
        }
    } else {
        result->outcome = READER_FAILED;
        (void)snprintf(result->reason, sizeof result->reason, "%.600s",
                       reader == NULL ? "no memory for a layout" : err.text);
    }
    reader_destroy(reader);
    (void)uv_run(library->loop, UV_RUN_DEFAULT); /* until its process is reaped */
}

void check_layout_add(const struct check_library *library, bool json, cJSON *found)
{
    struct reader_result result = {.outcome = READER_UNREAD};
    read_library(library, &result);
    if (result.layout != NULL) {
        add(found, result.layout, json);
        layout_drop(&result.layout);
    } else {
        event_add_text(found, "layout_reason", result.reason);
    }
}

bool check_layout_is_known(const struct check_library *library, cJSON *found)
{
    struct reader_result result = {.outcome = READER_UNREAD};
    read_library(library, &result);
    bool known = result.layout != NULL;
    if (known) {
        layout_drop(&result.layout);
    } else {
        event_add_text(found, "layout_reason", result.reason);
    }
    return known;
}
