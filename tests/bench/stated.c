/* The module of the row about looking into a state: 1 MB of JSON, written by serialize as modules
 * write it. The message "bare" has it written into memory and copied once, and tells the ns. */
#define _GNU_SOURCE
#include "sheet.h"

#include <hotrun/hotrun.h>
#include <stdio.h>
#include <string.h>

#define ITEMS 24000U

struct state {
    unsigned x[ITEMS];
};

struct memory {
    char *data;
    size_t len;
};

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct state *state = memory;
    (void)host;
    state->x[now->index % ITEMS] += (unsigned)now->index;
    return HOTRUN_OK;
}

static hotrun_status serialize(const hotrun_host *host, const void *memory,
                               const hotrun_writer *writer)
{
    const struct state *state = memory;
    hotrun_status status = writer->write(writer, "{\"items\":[", 10);
    (void)host;
    for (unsigned i = 0; i < ITEMS && status == HOTRUN_OK; i++) {
        char text[80];
        int len = snprintf(text, sizeof text, "%s{\"id\":%u,\"x\":%u,\"name\":\"item %u\"}",
                           i > 0 ? "," : "", i, state->x[i], i);
        status = writer->write(writer, text, (size_t)len);
    }
    return status == HOTRUN_OK ? writer->write(writer, "]}", 2) : status;
}

static hotrun_status deserialize(const hotrun_host *host, void *memory, const char *json,
                                 size_t len, uint32_t from_version)
{
    (void)host;
    (void)memory;
    (void)json;
    (void)len;
    (void)from_version;
    return HOTRUN_OK;
}

static hotrun_status keep(const hotrun_writer *writer, const char *text, size_t len)
{
    struct memory *kept = writer->ctx;
    memcpy(kept->data + kept->len, text, len);
    kept->len += len;
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *memory, const hotrun_event *event)
{
    static char first[4 << 20], second[4 << 20];
    if (event->type != HOTRUN_EVENT_MESSAGE) {
        return HOTRUN_OK;
    }
    struct memory kept = {first, 0};
    hotrun_writer writer = {.ctx = &kept, .write = keep};
    uint64_t begun = sheet_clock();
    (void)serialize(host, memory, &writer);
    memcpy(second, first, kept.len);
    char text[64];
    int len = snprintf(text, sizeof text, "[%llu,%zu]", (unsigned long long)(sheet_clock() - begun),
                       kept.len);
    return event->reply->write(event->reply, text, (size_t)len);
}

HOTRUN_MODULE(struct state, .name = "stated", .step = step, .serialize = serialize,
              .deserialize = deserialize, .on_event = on_event);
