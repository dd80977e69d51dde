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

#define COPY_MOST  ((uint64_t)1 << 20) /* bytes of a state of which a copy is no matter */
#define VALUE_MOST ((size_t)64 << 10)  /* bytes of a value that are told before a copy is */

static void reply(struct host *host, uint64_t number, bool ok, enum reply_form form,
                  struct bytes text)
{
    host_send(host, &(struct message){.type = MESSAGE_REPLY,
                                      .reply = {.number = number,
                                                .ok = ok,
                                                .form = (uint64_t)form,
                                                .step = host->index,
                                                .text = text}});
}

static void refuse(struct host *host, uint64_t number, const char *reason)
{
    reply(host, number, false, REPLY_TEXT, bytes_of(reason));
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
        reply(host, number, true, REPLY_TEXT, (struct bytes){text_string(&written), written.len});
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

static bool write_value_to(struct generation *generation, const char *pointer, size_t limit, int fd,
                           struct error *err)
{
    struct text *json = &generation->host->json;
    return views_encode_value(generation, pointer, limit, json, err) &&
           (file_write_all(fd, text_string(json), json->len) ||
            error_errno(err, "cannot hand the value over"));
}

/* A step waits for a copy as it does for text: of a large state, a small value is sooner told than
 * all of it is copied; a large one is sooner copied, where a copy is allowed. */
static bool write_part_to(struct generation *generation, const char *pointer, int fd,
                          enum reply_form *form, struct error *err)
{
    uint64_t size = views_size(generation);
    uint64_t allowed = generation->host->setup.pin_limit;
    bool copied = size <= allowed;
    *form = REPLY_VALUE;
    if (copied && (size <= COPY_MOST || pointer[0] == '\0')) {
        *form = REPLY_IMAGE;
        return write_image_to(generation, fd, err);
    }
    size_t limit = copied ? VALUE_MOST : generation->host->setup.state_max_json;
    if (write_value_to(generation, pointer, limit, fd, err)) {
        return true;
    }
    if (err->code != ERROR_LIMIT) {
        return false;
    }
    *form = REPLY_IMAGE;
    return copied ? write_image_to(generation, fd, err)
                  : error_set(err, ERROR_LIMIT,
                              "the value takes more than the %zu bytes of JSON that "
                              "state.max_json allows, and the state, of %llu bytes, more than the "
                              "%llu that state.pin_limit allows to copy: ask for a part of it, or "
                              "raise a limit",
                              limit, (unsigned long long)size, (unsigned long long)allowed);
}

void replies_with_state(struct host *host, uint64_t number, const char *pointer, int fd)
{
    struct generation *generation = host->current;
    struct error err = {0};
    enum reply_form form = REPLY_TEXT;
    bool ok = false;
    if (fd < 0) {
        error_set(&err, ERROR_SYSTEM, "no descriptor for the state: try again");
    } else if (generation == NULL) {
        error_set(&err, ERROR_BUSY, "no code runs at this moment: try again");
    } else if (snapshot_has_json(generation)) {
        ok = write_json_to(generation, fd, &err);
    } else if (views_has_parts(generation)) {
        ok = write_part_to(generation, pointer, fd, &form, &err);
    } else {
        error_set(&err, ERROR_REFUSED,
                  "the module has no serialize, and no debug info names what its state is: write "
                  "it, or compile with -g");
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    reply(host, number, ok, form, bytes_of(ok ? "" : err.text));
}
