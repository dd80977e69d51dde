#define _GNU_SOURCE /* memfd_create */
#include "supervisor/reader.h"

#include "base/clock.h"
#include "supervisor/tool_process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHANNEL_ROOM (4 * (int)sizeof(struct reading_request))
#define TRIES_MOST   2 /* who was killed from outside did not die of the library */

_Static_assert(READING_CHANNEL == TOOL_CHANNEL, "it listens where it is asked");

struct line { /* our end of the channel, until libuv has let go of it */
    uv_poll_t poll;
    int fd;
    struct reader *reader;
};

struct reader {
    uv_loop_t *loop;
    struct orphans *orphans;
    char *program;
    unsigned limit_ms;
    reader_done *done;
    void *ctx;
    struct tool_process *process; /* NULL: none lives */
    struct line *line;            /* NULL as well then */
    uv_timer_t *limit;
    bool busy;
    unsigned tries;
    uint64_t asked_ns;
    struct reading_request request;
    int file; /* that is filled with the layout; -1: none */
};

/* ---- the process ---- */

static void on_line_closed(uv_handle_t *handle)
{
    struct line *line = handle->data;
    (void)close(line->fd);
    free(line);
}

static void hang_up(struct reader *reader)
{
    if (reader->line != NULL) {
        uv_close((uv_handle_t *)&reader->line->poll, on_line_closed);
        reader->line = NULL;
    }
}

static void drop(struct reader *reader)
{
    hang_up(reader);
    tool_process_drop(reader->process);
    reader->process = NULL;
}

static void again(struct reader *reader, const char *why);

static void on_ended(void *ctx, int exit_status, int signal)
{
    struct reader *reader = ctx;
    char why[160];
    hang_up(reader);
    reader->process = NULL;
    (void)snprintf(why, sizeof why,
                   signal != 0
                       ? "hotrun-inspect died of signal %d while it read the library's debug info"
                       : "hotrun-inspect ended with status %d instead of reading the library's "
                         "debug info",
                   signal != 0 ? signal : exit_status);
    again(reader, why);
}

static void on_line(uv_poll_t *poll, int status, int events);

static bool listen_to(struct reader *reader, int channel, struct error *err)
{
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL || uv_poll_init(reader->loop, &line->poll, channel) != 0) {
        free(line);
        (void)close(channel);
        return error_set(err, ERROR_SYSTEM, "cannot watch the channel to hotrun-inspect");
    }
    line->fd = channel;
    line->reader = reader;
    line->poll.data = line;
    reader->line = line;
    return uv_poll_start(&line->poll, UV_READABLE, on_line) == 0 ||
           error_set(err, ERROR_SYSTEM, "cannot watch the channel to hotrun-inspect");
}

static bool start(struct reader *reader, struct error *err)
{
    int channel;
    char *path = tool_process_find(reader->program);
    struct tool_setup setup = {.loop = reader->loop,
                               .orphans = reader->orphans,
                               .path = path,
                               .argument = "--layouts",
                               .room = CHANNEL_ROOM,
                               .ended = on_ended,
                               .ctx = reader};
    if (path == NULL) {
        return error_set(err, ERROR_MISSING,
                         "there is no hotrun-inspect beside hotrun-host to read debug info: build "
                         "hotrun with libdw");
    }
    reader->process = tool_process_start(&setup, &channel, err);
    free(path);
    if (reader->process != NULL && !listen_to(reader, channel, err)) {
        drop(reader);
    }
    return reader->process != NULL;
}

/* ---- a question ---- */

static void finish(struct reader *reader, struct reader_result *result)
{
    if (reader->file >= 0) {
        (void)close(reader->file);
        reader->file = -1;
    }
    (void)uv_timer_stop(reader->limit);
    if (reader->busy) {
        reader->busy = false;
        result->took_ns = clock_ns() - reader->asked_ns;
        reader->done(reader->ctx, result);
    }
}

static void fail(struct reader *reader, const char *reason)
{
    struct reader_result result = {.outcome = READER_FAILED};
    (void)snprintf(result.reason, sizeof result.reason, "%s", reason);
    finish(reader, &result);
}

/* The file is another one for each try: a process that is being killed may still write. */
static bool send_request(struct reader *reader, struct error *err)
{
    if (reader->file >= 0) {
        (void)close(reader->file);
    }
    reader->file = memfd_create("hotrun-layout", MFD_CLOEXEC);
    if (reader->file < 0) {
        return error_errno(err, "no memory for a layout");
    }
    reader->request.number++;
    return reading_send(reader->line->fd, &reader->request, reader->file) ||
           error_errno(err, "hotrun-inspect cannot be asked");
}

static bool ask(struct reader *reader, struct error *err)
{
    for (; reader->tries < TRIES_MOST; reader->tries++) {
        if (reader->process == NULL && !start(reader, err)) {
            return false;
        }
        if (send_request(reader, err)) {
            return true;
        }
        if (errno != EPIPE && errno != ECONNRESET) {
            return false;
        }
        drop(reader); /* it has died, and is noticed here first */
    }
    return false;
}

/* The process is gone, perhaps while a question was open. */
static void again(struct reader *reader, const char *why)
{
    struct error err;
    if (reader->busy && (++reader->tries >= TRIES_MOST || !ask(reader, &err))) {
        fail(reader, why);
    }
}

/* ---- the answer ---- */

static struct layout *take_layout(struct reader *reader, uint64_t len, struct error *err)
{
    struct stat st;
    if (fstat(reader->file, &st) != 0 || len > LAYOUT_BYTES_MOST || (uint64_t)st.st_size < len) {
        (void)error_set(err, ERROR_FORMAT, "it has another length than it says");
        return NULL;
    }
    char *bytes = malloc(len > 0 ? (size_t)len : 1);
    struct layout *layout = NULL;
    if (bytes == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory for a layout of %llu bytes",
                        (unsigned long long)len);
    } else if (pread(reader->file, bytes, (size_t)len, 0) != (ssize_t)len) {
        (void)error_errno(err, "it cannot be read");
    } else {
        layout = layout_open(bytes, (size_t)len, err);
    }
    free(bytes);
    return layout;
}

static void take_answer(struct reader *reader, const struct reading_answer *answer)
{
    static const enum reader_outcome outcomes[] = {
        [READING_OK] = READER_OK, [READING_NONE] = READER_NONE, [READING_REFUSED] = READER_REFUSED};
    struct reader_result result = {.outcome = outcomes[answer->outcome]};
    struct error err;
    if (result.outcome == READER_OK) {
        result.layout = take_layout(reader, answer->len, &err);
    } else {
        (void)snprintf(result.reason, sizeof result.reason, "%s", answer->reason);
    }
    if (result.outcome == READER_OK && result.layout == NULL) {
        char why[640];
        (void)snprintf(why, sizeof why, "what hotrun-inspect read is no layout: %.560s", err.text);
        drop(reader); /* it is not what it should be */
        fail(reader, why);
        return;
    }
    finish(reader, &result);
}

static void on_line(uv_poll_t *poll, int status, int events)
{
    struct line *line = poll->data;
    struct reader *reader = line->reader;
    struct reading_answer answer;
    char packet[sizeof answer + 1]; /* one that is longer shows */
    (void)status;
    (void)events;
    ssize_t got = recv(line->fd, packet, sizeof packet, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        (void)uv_poll_stop(poll); /* its end follows, or the limit */
    } else if (!reader->busy || !reading_answer_take(&answer, packet, (size_t)got) ||
               answer.number != reader->request.number) {
        drop(reader);
        fail(reader, "hotrun-inspect answered what it was not asked");
    } else {
        take_answer(reader, &answer);
    }
}

/* The loop looks at the clock first: an answer that came in time may not have been heard. */
static void on_limit(uv_timer_t *timer)
{
    struct reader *reader = timer->data;
    uint32_t number = reader->request.number;
    char reason[128];
    if (reader->line != NULL) {
        on_line(&reader->line->poll, 0, UV_READABLE);
    }
    if (!reader->busy || reader->request.number != number) {
        return;
    }
    (void)snprintf(reason, sizeof reason,
                   "reading the library's debug info took longer than %g s, and was given up",
                   (double)reader->limit_ms / 1000);
    drop(reader);
    fail(reader, reason);
}

/* ---- the reader ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

struct reader *reader_create(uv_loop_t *loop, struct orphans *orphans, const char *program,
                             unsigned limit_ms, reader_done *done, void *ctx)
{
    struct reader *reader = calloc(1, sizeof *reader);
    uv_timer_t *limit = calloc(1, sizeof *limit);
    char *own = program == NULL ? NULL : strdup(program);
    if (reader == NULL || limit == NULL || (program != NULL && own == NULL)) {
        free(own);
        free(limit);
        free(reader);
        return NULL;
    }
    *reader = (struct reader){.loop = loop,
                              .orphans = orphans,
                              .program = own,
                              .limit_ms = limit_ms,
                              .done = done,
                              .ctx = ctx,
                              .limit = limit,
                              .file = -1};
    (void)uv_timer_init(loop, limit);
    limit->data = reader;
    return reader;
}

void reader_destroy(struct reader *reader)
{
    if (reader == NULL) {
        return;
    }
    reader->busy = false;
    drop(reader);
    if (reader->file >= 0) {
        (void)close(reader->file);
    }
    uv_close((uv_handle_t *)reader->limit, on_timer_closed);
    free(reader->program);
    free(reader);
}

static bool set_path(char room[READING_PATH_SIZE], const char *path, struct error *err)
{
    size_t len = strlen(path);
    if (len >= READING_PATH_SIZE) {
        return error_set(err, ERROR_LIMIT, "the path of the library has %zu bytes: too many", len);
    }
    memcpy(room, path, len + 1);
    return true;
}

bool reader_ask(struct reader *reader, const char *path, const char *origin, bool statics,
                struct error *err)
{
    if (!set_path(reader->request.path, path, err) ||
        !set_path(reader->request.origin, origin, err)) {
        return false;
    }
    reader->request.statics = statics;
    reader->tries = 0;
    reader->asked_ns = clock_ns();
    if (!ask(reader, err)) {
        struct reader_result none = {.outcome = READER_FAILED};
        finish(reader, &none);
        return false;
    }
    reader->busy = true;
    (void)uv_timer_start(reader->limit, on_limit, reader->limit_ms, 0);
    return true;
}

bool reader_is_busy(const struct reader *reader)
{
    return reader->busy;
}

pid_t reader_pid(const struct reader *reader)
{
    return reader->process == NULL ? 0 : tool_process_pid(reader->process);
}
