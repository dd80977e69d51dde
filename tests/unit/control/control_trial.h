/* A control socket in a folder of its own, and a client of it. */
#ifndef TEST_CONTROL_TRIAL_H
#define TEST_CONTROL_TRIAL_H

#include "control/control.h"

#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LARGE ((size_t)4 << 20)

struct trial {
    uv_loop_t loop;
    struct log log;
    int dir_fd;
    struct control *control;
    struct control_call *kept; /* "later" waits here */
    unsigned calls;
};

static struct trial trial;

/* echo: its params; large: 4 MB of digits; large later: kept; refuse: an error; later: kept;
 * events: subscribes; end: destroys the control */
static inline bool on_call(void *ctx, const char *method, const cJSON *params,
                           struct control_call *call)
{
    struct trial *t = ctx;
    t->calls++;
    if (strcmp(method, "echo") == 0) {
        control_answer(call, params != NULL ? cJSON_Duplicate(params, true) : cJSON_CreateNull());
    } else if (strcmp(method, "refuse") == 0) {
        control_fail(call, CONTROL_REFUSED, "not in this state");
    } else if (strcmp(method, "later") == 0) {
        t->kept = call;
    } else if (strcmp(method, "events") == 0) {
        control_subscribe(call);
    } else if (strcmp(method, "large") == 0) {
        if (!control_expect_large(call)) {
            control_fail(call, CONTROL_INVALID_PARAMS, "not in a batch");
            return true;
        }
        static char text[LARGE + 1];
        memset(text, '1', LARGE);
        control_answer_text(call, text, LARGE);
    } else if (strcmp(method, "large later") == 0) {
        (void)control_expect_large(call);
        t->kept = call;
    } else if (strcmp(method, "end") == 0) {
        control_answer(call, cJSON_CreateTrue());
        control_destroy(t->control);
        t->control = NULL;
    } else {
        return false;
    }
    return true;
}

static inline int setup(void **state)
{
    if (trial_setup(state) != 0) {
        return -1;
    }
    trial = (struct trial){.dir_fd = open(trial_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    log_init(&trial.log, LOG_ERROR, true);
    struct error err;
    if (uv_loop_init(&trial.loop) != 0) {
        return -1;
    }
    trial.control = control_create(&trial.loop, &trial.log, trial.dir_fd, on_call, &trial, &err);
    return trial.control == NULL ? -1 : 0;
}

static inline int teardown(void **state)
{
    control_destroy(trial.control);
    drain(&trial.loop);
    (void)close(trial.dir_fd);
    return trial_teardown(state);
}

/* ---- a client ---- */

static inline int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", trial_dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends all of it, turning the loop where the socket is full. */
static inline void say_bytes(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        } else if (errno == EPIPE) {
            return;
        } else {
            turn(&trial.loop);
        }
    }
}

static inline void say(int fd, const char *text)
{
    say_bytes(fd, text, strlen(text));
}

struct hearing {
    int fd;
    bool ended;
    struct text text;
};

static inline bool heard_line(void *ctx)
{
    struct hearing *h = ctx;
    char piece[65536];
    ssize_t got;
    while (!h->ended && (h->text.len == 0 || strchr(text_string(&h->text), '\n') == NULL)) {
        got = recv(h->fd, piece, 1, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            return false;
        }
        if (got <= 0) {
            h->ended = true;
        } else {
            assert_true(text_append(&h->text, piece, (size_t)got));
        }
    }
    return true;
}

/* The next line; NULL when the connection ended. Lives until the next call. */
static inline const char *hear(int fd)
{
    static char heard[8192];
    struct hearing h = {.fd = fd};
    run_until(&trial.loop, heard_line, &h);
    (void)snprintf(heard, sizeof heard, "%.*s", (int)(h.text.len - (h.text.len > 0)),
                   text_string(&h.text));
    bool line = h.text.len > 0;
    text_finish(&h.text);
    return line ? heard : NULL;
}

static inline void expect_heard(int fd, const char *text)
{
    const char *line = hear(fd);
    assert_non_null(line);
    assert_string_equal(line, text);
}

static inline void expect_error(int fd, int code)
{
    char start[64];
    (void)snprintf(start, sizeof start, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,",
                   code);
    const char *line = hear(fd);
    assert_non_null(line);
    assert_memory_equal(line, start, strlen(start));
}

/* The connection serves still. */
static inline void expect_alive(int fd)
{
    say(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"alive\",\"method\":\"echo\"}\n");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"alive\",\"result\":null}");
}

#endif
