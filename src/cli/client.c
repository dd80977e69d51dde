#define _GNU_SOURCE /* struct ucred, O_PATH */
#include "cli/client.h"

#include "base/clock.h"
#include "base/path.h"
#include "base/text.h"
#include "control/control.h"
#include "state/json.h"
#include "state/pointer.h"
#include "supervisor/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX (((size_t)1 << 30) + 4096) /* a value of 1 GB, and what stands around it */
#define CALL_ID    1
#define NAMES_MOST 8

struct connection {
    int fd;
    uint64_t deadline_ns; /* 0: none */
    struct text in;
    size_t taken; /* bytes of `in` that are earlier lines */
};

/* ---- connecting ---- */

static bool connect_in(int fd, const char *run_dir);

static bool listens(const char *run_dir)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect_in(fd, run_dir);
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

/* "; with names there are --name a, --name b": the runs whose directories are in this one. */
static void name_others(const char *run_dir, struct text *others)
{
    DIR *dir = opendir(run_dir);
    const struct dirent *entry;
    for (int count = 0; dir != NULL && count < NAMES_MOST && (entry = readdir(dir)) != NULL;) {
        char *path = entry->d_name[0] == '.' ? NULL : path_join(run_dir, entry->d_name);
        if (path != NULL && listens(path)) {
            text_printf(others, "%s--name %s", count == 0 ? "; with names there are " : ", ",
                        entry->d_name);
            count++;
        }
        free(path);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static bool nothing_runs(const char *run_dir, struct error *err)
{
    struct text others = {0};
    pid_t pid = run_dir_holder(run_dir);
    char *name = path_short(run_dir);
    const char *shown = name == NULL ? run_dir : name;
    if (pid != 0) {
        error_set(err, ERROR_BUSY,
                  "hotrun (process %ld) in %s does not listen: it is starting or ending; try again",
                  (long)pid, shown);
        free(name);
        return false;
    }
    name_others(run_dir, &others);
    if (others.len > 0) {
        error_set(err, ERROR_MISSING, "no hotrun without a name runs in %s%s", shown,
                  text_string(&others));
    } else if (strcmp(path_base(run_dir), ".hotrun") == 0) {
        error_set(err, ERROR_MISSING,
                  "no hotrun runs here (looked at .hotrun and in the parents): start one with "
                  "`hotrun LIB`, or say where it runs with --run-dir DIR or --name NAME");
    } else {
        error_set(err, ERROR_MISSING,
                  "no hotrun runs in %s: start one there, or say where it runs with --run-dir DIR "
                  "or --name NAME",
                  shown);
    }
    text_finish(&others);
    free(name);
    return false;
}

/* The folder's path may be longer than an address can be, hence the way through /proc. */
static bool connect_in(int fd, const char *run_dir)
{
    int dir_fd = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        return false;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control.sock",
                   dir_fd);
    bool ok = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    int error = errno;
    (void)close(dir_fd);
    errno = error;
    return ok;
}

static bool open_connection(struct connection *connection, const char *run_dir, uint64_t timeout_ns,
                            struct error *err)
{
    *connection = (struct connection){
        .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
        .deadline_ns = timeout_ns == 0 ? 0 : clock_ns() + timeout_ns,
        .in.limit = ANSWER_MAX,
    };
    if (connection->fd < 0) {
        return error_errno(err, "cannot open a socket");
    }
    struct ucred peer;
    socklen_t len = sizeof peer;
    bool ok = false;
    if (!connect_in(connection->fd, run_dir)) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED) {
            nothing_runs(run_dir, err);
        } else {
            error_errno(err, "cannot reach the hotrun in %s", run_dir);
        }
    } else if (getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        error_errno(err, "cannot tell who runs hotrun in %s", run_dir);
    } else if (peer.uid != geteuid()) {
        error_set(err, ERROR_REFUSED,
                  "what listens in %s belongs to user %u: a hotrun is controlled by its own user",
                  run_dir, (unsigned)peer.uid);
    } else {
        ok = true;
    }
    if (!ok) {
        (void)close(connection->fd);
    }
    return ok;
}

static void close_connection(struct connection *connection)
{
    (void)close(connection->fd);
    text_finish(&connection->in);
}

/* ---- lines ---- */

enum received {
    RECEIVED_LINE,
    RECEIVED_END,
    RECEIVED_FAILURE
};

static bool wait_for(const struct connection *connection, short events, struct error *err)
{
    for (;;) {
        int wait_ms = -1;
        if (connection->deadline_ns != 0) {
            uint64_t now = clock_ns();
            uint64_t left =
                connection->deadline_ns > now ? connection->deadline_ns - now + NS_PER_MS - 1 : 0;
            wait_ms = left / NS_PER_MS > 1000000 ? 1000000 : (int)(left / NS_PER_MS);
        }
        struct pollfd ready = {.fd = connection->fd, .events = events};
        int count = poll(&ready, 1, wait_ms);
        if (count > 0) {
            return true;
        }
        if (count < 0 && errno != EINTR) {
            return error_errno(err, "cannot wait for hotrun's answer");
        }
        if (count == 0 && wait_ms < 1000000) {
            return error_set(err, ERROR_BUSY,
                             "hotrun did not answer in time: it is busy or "
                             "stopped; try again");
        }
    }
}

static bool send_all(const struct connection *connection, const char *bytes, size_t len,
                     struct error *err)
{
    while (len > 0) {
        ssize_t sent = send(connection->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes += sent;
            len -= (size_t)sent;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return true; /* it has hung up: what it said before that tells why */
        } else if (errno == EAGAIN) {
            if (!wait_for(connection, POLLOUT, err)) {
                return false;
            }
        } else if (errno != EINTR) {
            return error_errno(err, "cannot send to hotrun");
        }
    }
    return true;
}

/* The next line, which lives until the next call. */
static enum received receive_line(struct connection *connection, char **line, struct error *err)
{
    struct text *in = &connection->in;
    if (connection->taken > 0) {
        in->len -= connection->taken;
        memmove(in->data, in->data + connection->taken, in->len + 1);
        connection->taken = 0;
    }
    size_t searched = 0;
    for (;;) {
        char *newline =
            in->data == NULL ? NULL : memchr(in->data + searched, '\n', in->len - searched);
        if (newline != NULL) {
            *newline = '\0';
            connection->taken = (size_t)(newline - in->data) + 1;
            *line = in->data;
            return RECEIVED_LINE;
        }
        searched = in->len;
        char piece[65536];
        if (!wait_for(connection, POLLIN, err)) {
            return RECEIVED_FAILURE;
        }
        ssize_t got = recv(connection->fd, piece, sizeof piece, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            return RECEIVED_END;
        }
        if (got < 0 && errno != EINTR && errno != EAGAIN) {
            error_errno(err, "cannot read hotrun's answer");
            return RECEIVED_FAILURE;
        }
        if (got > 0 && !text_append(in, piece, (size_t)got)) {
            error_set(err, ERROR_LIMIT, "hotrun's answer does not fit into memory");
            return RECEIVED_FAILURE;
        }
    }
}

/* ---- calls ---- */

static bool send_request(const struct connection *connection, const char *method,
                         const cJSON *params, struct error *err)
{
    cJSON *request = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(request, "jsonrpc", "2.0") != NULL &&
              cJSON_AddNumberToObject(request, "id", CALL_ID) != NULL &&
              cJSON_AddStringToObject(request, "method", method) != NULL;
    /* A copy: cJSON loses the reference that it cannot add. */
    cJSON *copy = ok && params != NULL ? cJSON_Duplicate(params, true) : NULL;
    if (ok && params != NULL && (copy == NULL || !cJSON_AddItemToObject(request, "params", copy))) {
        cJSON_Delete(copy);
        ok = false;
    }
    char *line = ok ? cJSON_PrintUnformatted(request) : NULL;
    cJSON_Delete(request);
    if (line == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for a request");
    }
    size_t len = strlen(line);
    line[len] = '\n'; /* in the place of the final NUL: the length says where it ends */
    ok = send_all(connection, line, len + 1, err);
    cJSON_free(line);
    return ok;
}

static bool tell_refusal(const cJSON *problem, struct error *err)
{
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(problem, "code");
    const cJSON *message = cJSON_GetObjectItemCaseSensitive(problem, "message");
    enum error_code kind = ERROR_INTERNAL;
    if (cJSON_IsNumber(code) && code->valueint == CONTROL_REFUSED) {
        kind = ERROR_REFUSED;
    } else if (cJSON_IsNumber(code) && (code->valueint == CONTROL_UNKNOWN_METHOD ||
                                        code->valueint == CONTROL_INVALID_PARAMS)) {
        kind = ERROR_USAGE;
    }
    return error_set(err, kind, "%s",
                     cJSON_IsString(message) ? message->valuestring : "hotrun refused it");
}

/* True when `line` was the answer; then *ok is what it said. Events in between are passed over. */
static bool take_answer(const char *line, bool *ok, cJSON **result, struct error *err)
{
    cJSON *tree = cJSON_Parse(line);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(tree, "id");
    const cJSON *problem = cJSON_GetObjectItemCaseSensitive(tree, "error");
    bool done = true;
    if (!cJSON_IsObject(tree)) {
        *ok = error_set(err, ERROR_FORMAT,
                        "what listens there is no hotrun: it answered with "
                        "something that is no JSON-RPC response");
    } else if (problem != NULL) { /* also one for the id null: it could not read the request */
        *ok = tell_refusal(problem, err);
    } else if (cJSON_IsNumber(id) && id->valueint == CALL_ID) {
        cJSON *answer = cJSON_DetachItemFromObjectCaseSensitive(tree, "result");
        *ok = answer != NULL || error_set(err, ERROR_FORMAT,
                                          "what listens there is no hotrun: an answer has neither "
                                          "a result nor an error");
        if (result != NULL && *ok) {
            *result = answer;
        } else {
            cJSON_Delete(answer);
        }
    } else {
        done = false;
    }
    cJSON_Delete(tree);
    return done;
}

/* The same without a tree of the result, whose text is appended to *text. */
static bool take_text(const char *line, bool *ok, struct text *text, struct error *err)
{
    size_t len = strlen(line);
    struct span span;
    struct error none;
    if (!json_check(line, len, &none) || line[strspn(line, " \t")] != '{') {
        *ok = error_set(err, ERROR_FORMAT,
                        "what listens there is no hotrun: it answered with something that is no "
                        "JSON-RPC response");
        return true;
    }
    if (!pointer_find(line, len, "/result", &span, &none)) {
        return take_answer(line, ok, NULL, err); /* an error, or an event */
    }
    struct span id;
    if (!pointer_find(line, len, "/id", &id, &none) ||
        strtol(line + id.start, NULL, 10) != CALL_ID) {
        return false;
    }
    *ok = text_append(text, line + span.start, span.end - span.start) ||
          error_set(err, ERROR_SYSTEM, "no memory for the answer");
    return true;
}

struct answer { /* what is wanted of it: one of them, or none */
    cJSON **result;
    struct text *text;
};

static bool call(struct connection *connection, const char *method, const cJSON *params,
                 struct answer answer, struct error *err)
{
    if (!send_request(connection, method, params, err)) {
        return false;
    }
    for (;;) {
        char *line;
        bool ok = false;
        switch (receive_line(connection, &line, err)) {
        case RECEIVED_LINE:
            if (answer.text != NULL ? take_text(line, &ok, answer.text, err)
                                    : take_answer(line, &ok, answer.result, err)) {
                return ok;
            }
            break;
        case RECEIVED_END:
            return error_set(err, ERROR_BUSY, "hotrun ended before it answered");
        case RECEIVED_FAILURE:
            return false;
        }
    }
}

bool client_call(const char *run_dir, const char *method, const cJSON *params, uint64_t timeout_ns,
                 cJSON **result, struct error *err)
{
    struct connection connection;
    if (!open_connection(&connection, run_dir, timeout_ns, err)) {
        return false;
    }
    bool ok = call(&connection, method, params, (struct answer){.result = result}, err);
    close_connection(&connection);
    return ok;
}

bool client_call_text(const char *run_dir, const char *method, const cJSON *params,
                      uint64_t timeout_ns, struct text *result, struct error *err)
{
    struct connection connection;
    if (!open_connection(&connection, run_dir, timeout_ns, err)) {
        return false;
    }
    bool ok = call(&connection, method, params, (struct answer){.text = result}, err);
    close_connection(&connection);
    return ok;
}

/* ---- events ---- */

/* Cuts the event out of its notification as it was written, numbers included. NULL: another
 * message. */
static const char *event_text(char *line)
{
    size_t head = strlen(CONTROL_EVENT_HEAD);
    size_t len = strlen(line);
    if (len <= head || strncmp(line, CONTROL_EVENT_HEAD, head) != 0) {
        return NULL;
    }
    line[len - 1] = '\0';
    return line + head;
}

bool client_follow(const char *run_dir, const char *method, uint64_t timeout_ns,
                   client_event *callback, void *ctx, struct error *err)
{
    struct connection connection;
    if (!open_connection(&connection, run_dir, timeout_ns, err)) {
        return false;
    }
    bool ok = call(&connection, method, NULL, (struct answer){NULL, NULL}, err);
    connection.deadline_ns = 0;
    bool more = ok;
    while (more) {
        char *line;
        enum received received = receive_line(&connection, &line, err);
        const char *event = received == RECEIVED_LINE ? event_text(line) : NULL;
        more = received == RECEIVED_LINE && (event == NULL || callback(ctx, event));
        ok = received != RECEIVED_FAILURE;
    }
    close_connection(&connection);
    return ok;
}
