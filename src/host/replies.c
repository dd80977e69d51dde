#include "host/replies.h"

#include "base/file.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/snapshot.h"
#include "host/views.h"
#include "state/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void reply(struct host *host, uint64_t number, bool ok, bool image, struct bytes text)
{
    host_send(host, &(struct message){
                        .type = MESSAGE_REPLY,
                        .reply = {.number = number, .ok = ok, .image = image, .text = text}});
}

static void refuse(struct host *host, uint64_t number, const char *reason)
{
    reply(host, number, false, false, bytes_of(reason));
}

static hotrun_status write_reply(const hotrun_writer *writer, const char *text, size_t len)
{
    return text_append(writer->ctx, text, len) ? HOTRUN_OK : HOTRUN_ERR_NOMEM;
}

/* Why what was written is no reply; NULL: it is one. */
static const char *problem_of(const struct text *written, char *reason, size_t size)
{
    struct error why;
    if (written->failed) {
        (void)snprintf(reason, size,
                       "the module's reply is larger than %zu KB, or memory is missing: make it "
                       "smaller",
                       SEND_MOST >> 10);
        return reason;
    }
    if (written->len > 0 && !json_check(written->data, written->len, &why)) {
        (void)snprintf(reason, size, "the module's reply is no JSON: %s", why.text);
        return reason;
    }
    return NULL;
}

void replies_to_send(struct host *host, uint64_t number, const struct bytes *name,
                     const struct bytes *text)
{
    struct generation *generation = host->current;
    if (generation == NULL) {
        refuse(host, number, "no code runs at this moment: try again");
        return;
    }
    if (generation->module->on_event == NULL) {
        refuse(host, number, "the module has no on_event that could take it");
        return;
    }
    char reason[1200];
    struct text written = {.limit = SEND_MOST};
    hotrun_writer writer = {.ctx = &written, .write = write_reply};
    hotrun_event event = {.size = (uint32_t)sizeof event,
                          .type = HOTRUN_EVENT_MESSAGE,
                          .name = name->data,
                          .text = text->len > 0 ? text->data : NULL,
                          .reply = &writer};
    hotrun_status status = generation_event(generation, &event);
    if (status != HOTRUN_OK) {
        services_reason(generation, "on_event", status, reason, sizeof reason);
        refuse(host, number, reason);
    } else if (problem_of(&written, reason, sizeof reason) != NULL) {
        refuse(host, number, reason);
    } else {
        reply(host, number, true, false, (struct bytes){text_string(&written), written.len});
    }
    text_finish(&written);
}

static bool write_json_to(struct generation *generation, int fd, struct error *err)
{
    struct text *json = &generation->host->json;
    return snapshot_serialize(generation, json, err) &&
           (file_write_all(fd, text_string(json), json->len) ||
            error_errno(err, "cannot hand the state over"));
}

/* Bytes only: whoever asks makes text of them. */
static bool write_image_to(struct generation *generation, int fd, struct error *err)
{
    struct view_parts parts;
    bool ok = views_parts(generation, &parts, err);
    for (size_t i = 0; ok && i < parts.count; i++) {
        ok = file_write_all(fd, parts.list[i].bytes, parts.list[i].len) ||
             error_errno(err, "cannot hand the state over");
    }
    return ok;
}

void replies_with_state(struct host *host, uint64_t number, int fd)
{
    struct generation *generation = host->current;
    struct error err = {0};
    bool ok = false;
    bool image = false;
    if (fd < 0) {
        error_set(&err, ERROR_SYSTEM, "no descriptor for the state: try again");
    } else if (generation == NULL) {
        error_set(&err, ERROR_BUSY, "no code runs at this moment: try again");
    } else if (snapshot_has_json(generation)) {
        ok = write_json_to(generation, fd, &err);
    } else if (views_has_parts(generation)) {
        ok = image = write_image_to(generation, fd, &err);
    } else {
        error_set(&err, ERROR_REFUSED,
                  "the module has no serialize, and no debug info names what its state is: write "
                  "it, or compile with -g");
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    reply(host, number, ok, image, bytes_of(ok ? "" : err.text));
}
