/* A module with a state of many megabytes: PAD of them are always there, and a note of up to 4 MB
 * is kept as it was given. */
#include "hotrun/hotrun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PAD
#define PAD 1
#endif
#ifndef ON_STEP
#define ON_STEP
#endif

struct large {
    double x;
    char note[4 << 20];
};

static char pad[65536];

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct large *state = memory;
    (void)host;
    (void)now;
    (void)state;
    ON_STEP;
    return HOTRUN_OK;
}

static hotrun_status put(const hotrun_writer *writer, const char *text)
{
    return writer->write(writer, text, strlen(text));
}

static hotrun_status serialize(const hotrun_host *host, const void *memory,
                               const hotrun_writer *writer)
{
    const struct large *state = memory;
    char head[64];
    (void)host;
    memset(pad, 'p', sizeof pad);
    snprintf(head, sizeof head, "{\"pad\":\"");
    hotrun_status status = put(writer, head);
    for (int i = 0; i < PAD * 16 && status == HOTRUN_OK; i++)
        status = writer->write(writer, pad, sizeof pad);
    if (status == HOTRUN_OK)
        status = put(writer, "\",\"note\":\"");
    if (status == HOTRUN_OK)
        status = put(writer, state->note);
    snprintf(head, sizeof head, "\",\n\"x\":%.17g}", state->x);
    return status == HOTRUN_OK ? put(writer, head) : status;
}

static hotrun_status deserialize(const hotrun_host *host, void *memory, const char *json,
                                 size_t len, uint32_t from_version)
{
    struct large *state = memory;
    (void)host;
    (void)len;
    (void)from_version;
    const char *x = strstr(json, "\"x\":");
    const char *note = strstr(json, "\"note\":\"");
    state->x = x == NULL ? 0 : strtod(x + 4, NULL);
    if (note != NULL) {
        size_t size = strcspn(note + 8, "\"");
        if (size >= sizeof state->note)
            return HOTRUN_ERR_NOMEM;
        memcpy(state->note, note + 8, size);
    }
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct large, .name = "large", .step = step, .serialize = serialize,
              .deserialize = deserialize);
