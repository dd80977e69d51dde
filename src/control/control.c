#define _GNU_SOURCE /* struct ucred, accept4 */
#include "control/control.h"

#include "base/text.h"
#include "control/control_peer.h"
#include "control/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "control.sock"
#define CLIENTS_MAX 32
#define AGAIN_MS    100U
#define SMALL_MOST  ((size_t)1 << 20)   /* an answer up to which nobody is held up */
#define UNREAD_MOST ((size_t)256 << 20) /* of all clients, when a larger one is made */

/* The answer to one line: that of its only request, or an array of a batch's. */
struct reply {
    struct reply *next;
    struct control *control;
    struct peer *peer; /* NULL: has gone */
    struct control_call *calls;
    unsigned large; /* calls whose answer may be */
    size_t waiting; /* calls, and one for whoever hands out those of a batch */
    bool batch, subscribe;
    struct text text;
};

struct control_call {
    struct control_call *next;
    struct reply *reply;
    char *id;                 /* NULL: a notification, or a call of our own */
    control_outcome *outcome; /* NULL: a client's */
    void *ctx;
};

struct control {
    uv_pipe_t listener;
    uv_timer_t again; /* a connection waits that there was no memory for */
    struct log *log;
    int dir_fd;
    control_handler *handler;
    void *ctx;
    struct peer_owner owner;
    struct peer *peers;
    struct reply *replies;
    unsigned handles; /* not closed yet */
    unsigned peer_count;
    bool closing;
};

/* ---- replies ---- */

static void reply_send(struct reply *reply)
{
    struct peer *peer = reply->peer;
    if (peer == NULL || peer->closing) {
        return;
    }
    reply->peer = NULL;
    peer->awaited--;
    peer->large -= reply->large;
    if (reply->batch && reply->text.len > 0) {
        (void)text_puts(&reply->text, "]");
    }
    if (reply->text.failed) {
        peer_close(peer);
    } else if (reply->text.len > 0) {
        peer_answer(peer, &reply->text);
    }
    peer->subscribed = peer->subscribed || reply->subscribe;
    peer_go_on(peer);
    peer_settle(peer);
}

static void reply_settle(struct reply *reply)
{
    if (--reply->waiting > 0) {
        return;
    }
    reply_send(reply);
    struct reply **at = &reply->control->replies;
    while (*at != reply) {
        at = &(*at)->next;
    }
    *at = reply->next;
    text_finish(&reply->text);
    free(reply);
}

/* Starts the response of one request in its reply; false when it gets none. */
static bool reply_begin(struct reply *reply, const char *id)
{
    if (id == NULL) {
        return false;
    }
    if (reply->batch) {
        (void)text_puts(&reply->text, reply->text.len == 0 ? "[" : ",");
    }
    return true;
}

static void reply_error(struct reply *reply, const char *id, int code, const char *message)
{
    if (reply_begin(reply, id) && !rpc_put_error(&reply->text, id, code, message)) {
        reply->text.failed = true;
    }
}

static void call_free(struct control_call *call)
{
    struct reply *reply = call->reply;
    struct control_call **at = &reply->calls;
    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
    free(call->id);
    free(call);
    reply_settle(reply);
}

void control_answer(struct control_call *call, cJSON *result)
{
    struct reply *reply = call->reply;
    if (result == NULL) {
        control_fail(call, CONTROL_INTERNAL, "no memory for the answer");
        return;
    }
    if (reply_begin(reply, call->id) && !rpc_put_result(&reply->text, call->id, result)) {
        reply->text.failed = true;
    }
    if (call->outcome != NULL) {
        call->outcome(call->ctx, result, NULL);
    }
    cJSON_Delete(result);
    call_free(call);
}

bool control_expect_large(struct control_call *call)
{
    struct reply *reply = call->reply;
    if (reply->batch) {
        return false;
    }
    reply->large++;
    if (reply->peer != NULL) {
        reply->peer->large++;
    }
    return true;
}

static size_t all_unread(const struct control *control)
{
    size_t sum = 0;
    for (const struct peer *peer = control->peers; peer != NULL; peer = peer->next) {
        sum += peer_unread(peer);
    }
    return sum;
}

void control_answer_text(struct control_call *call, const char *json, size_t len)
{
    struct reply *reply = call->reply;
    size_t unread = len > SMALL_MOST ? all_unread(reply->control) : 0;
    if (unread > UNREAD_MOST) {
        char message[128];
        (void)snprintf(message, sizeof message,
                       "other clients have left %zu MB of answers unread: try again", unread >> 20);
        control_fail(call, CONTROL_REFUSED, message);
        return;
    }
    if (reply_begin(reply, call->id) && !rpc_put_text(&reply->text, call->id, json, len)) {
        reply->text.failed = true;
    }
    if (call->outcome != NULL) {
        call->outcome(call->ctx, NULL, NULL);
    }
    call_free(call);
}

void control_fail(struct control_call *call, int code, const char *message)
{
    reply_error(call->reply, call->id, code, message);
    if (call->outcome != NULL) {
        call->outcome(call->ctx, NULL, message);
    }
    call_free(call);
}

struct control_call *control_call_create(struct control *control, control_outcome *outcome,
                                         void *ctx)
{
    struct control_call *call = calloc(1, sizeof *call);
    struct reply *reply = calloc(1, sizeof *reply);
    if (call == NULL || reply == NULL) {
        free(call);
        free(reply);
        return NULL;
    }
    *reply =
        (struct reply){.next = control->replies, .control = control, .calls = call, .waiting = 1};
    *call = (struct control_call){.reply = reply, .outcome = outcome, .ctx = ctx};
    control->replies = reply;
    return call;
}

void control_subscribe(struct control_call *call)
{
    call->reply->subscribe = true;
    cJSON *result = cJSON_CreateObject();
    if (result != NULL && cJSON_AddTrueToObject(result, "subscribed") == NULL) {
        cJSON_Delete(result);
        result = NULL;
    }
    control_answer(call, result);
}

/* ---- requests ---- */

/* Gives one request to the handler. Takes its id over. The reply to a line that is no batch is not
 * to be used after it: it may have been sent. False: no memory, nothing has happened. */
static bool hand_out(struct control *control, struct reply *reply, struct rpc_request *request)
{
    struct control_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return false;
    }
    *call = (struct control_call){.next = reply->calls, .reply = reply, .id = request->id};
    request->id = NULL;
    reply->calls = call;
    reply->waiting += reply->batch; /* a line's only call has the place of the line itself */
    if (!control->handler(control->ctx, request->method, request->params, call)) {
        char message[256];
        (void)snprintf(message, sizeof message, "Method not found: \"%.200s\" is unknown",
                       request->method);
        control_fail(call, CONTROL_UNKNOWN_METHOD, message);
    }
    return true;
}

static void take_line(void *ctx, struct peer *peer, const char *bytes, size_t len)
{
    struct control *control = ctx;
    struct rpc_line line;
    struct reply *reply = calloc(1, sizeof *reply);
    bool ok = rpc_read(&line, bytes, len) && reply != NULL;
    if (reply != NULL) {
        *reply = (struct reply){.next = control->replies,
                                .control = control,
                                .peer = peer,
                                .waiting = 1,
                                .batch = line.batch};
        control->replies = reply;
        peer->awaited++;
    }
    bool handed_over = false;
    for (size_t i = 0; ok && i < line.count; i++) {
        struct rpc_request *request = &line.requests[i];
        if (control->closing) { /* by the handler of the request before */
            reply_error(reply, request->id, CONTROL_REFUSED, "hotrun is ending");
        } else if (request->code != 0) {
            reply_error(reply, request->id, request->code, request->problem);
        } else {
            ok = hand_out(control, reply, request);
            handed_over = ok && !line.batch;
        }
    }
    rpc_line_finish(&line);
    if (reply == NULL) {
        peer_close(peer);
    } else if (!handed_over) {
        reply->text.failed = reply->text.failed || !ok;
        reply_settle(reply);
    }
}

/* ---- listening ---- */

static void handle_closed(void *ctx)
{
    struct control *control = ctx;
    if (--control->handles == 0) {
        free(control);
    }
}

static void forget_peer(void *ctx, struct peer *peer)
{
    struct control *control = ctx;
    for (struct reply *reply = control->replies; reply != NULL; reply = reply->next) {
        if (reply->peer == peer) {
            reply->peer = NULL;
        }
    }
    struct peer **at = &control->peers;
    while (*at != peer) {
        at = &(*at)->next;
    }
    *at = peer->next;
    control->peer_count--;
}

static void on_again(uv_timer_t *again);

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *control = listener->data;
    struct peer *peer = status < 0 ? NULL : peer_create(&control->owner, listener->loop);
    if (peer == NULL && status >= 0) {
        /* libuv listens no more until this one is accepted. */
        (void)uv_timer_start(&control->again, on_again, AGAIN_MS, 0);
    }
    if (peer == NULL) {
        return;
    }
    peer->next = control->peers;
    control->peers = peer;
    control->peer_count++;
    control->handles++;
    if (!peer_accept(peer, listener)) {
        peer_close(peer);
    } else if (control->peer_count > CLIENTS_MAX) {
        peer_refuse(peer, CONTROL_REFUSED, "32 clients are connected already: close one");
    } else {
        peer_start(peer);
    }
}

static void on_again(uv_timer_t *again)
{
    struct control *control = again->data;
    on_connection((uv_stream_t *)&control->listener, 0);
}

/* A bound socket in the folder; -1 with `err`. The way through /proc fits into sun_path however
 * long the folder's own path is, and leads to the folder that was checked and locked. */
static int bind_socket(int dir_fd, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_NAME,
                   dir_fd);
    if (unlinkat(dir_fd, SOCKET_NAME, 0) != 0 && errno != ENOENT) {
        error_errno(err, "cannot replace the old " SOCKET_NAME);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        error_errno(err, "cannot open a socket");
        return -1;
    }
    /* The socket's own mode is that of the name it is bound to: no moment in which it is wider, and
     * no umask to change under other threads. */
    if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        error_errno(err, "cannot create " SOCKET_NAME " in the run directory");
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void on_handle_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

struct control *control_create(uv_loop_t *loop, struct log *log, int dir_fd,
                               control_handler *handler, void *ctx, struct error *err)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for the control socket");
        return NULL;
    }
    control->log = log;
    control->dir_fd = dir_fd;
    control->handler = handler;
    control->ctx = ctx;
    control->owner.log = log;
    control->owner.line = take_line;
    control->owner.gone = forget_peer;
    control->owner.freed = handle_closed;
    control->owner.ctx = control;
    int fd = bind_socket(dir_fd, err);
    if (fd < 0) {
        free(control);
        return NULL;
    }
    (void)uv_pipe_init(loop, &control->listener, 0);
    (void)uv_timer_init(loop, &control->again);
    control->listener.data = control->again.data = control;
    control->handles = 2;
    int status = uv_pipe_open(&control->listener, fd);
    if (status != 0) {
        (void)close(fd);
    } else {
        status = uv_listen((uv_stream_t *)&control->listener, CLIENTS_MAX, on_connection);
    }
    if (status != 0) {
        error_set(err, ERROR_SYSTEM, "cannot listen on " SOCKET_NAME ": %s", uv_strerror(status));
        control_destroy(control);
        return NULL;
    }
    return control;
}

void control_publish(struct control *control, const char *line)
{
    struct text text = {0};
    for (struct peer *peer = control->peers, *next; peer != NULL; peer = next) {
        next = peer->next;
        if (!peer->subscribed || peer->last) {
            continue;
        }
        if (text.len == 0 && !text_printf(&text, CONTROL_EVENT_HEAD "%s}", line)) {
            break;
        }
        peer_tell(peer, text_string(&text), text.len);
    }
    text_finish(&text);
}

void control_destroy(struct control *control)
{
    if (control == NULL || control->closing) {
        return;
    }
    control->closing = true;
    for (struct reply *reply = control->replies; reply != NULL;) {
        if (reply->calls != NULL) {
            control_fail(reply->calls, CONTROL_REFUSED, "hotrun is ending");
            reply = control->replies; /* the last call took its reply along */
        } else {
            reply_send(reply); /* of the line whose handler is here: what it holds so far */
            reply = reply->next;
        }
    }
    while (control->peers != NULL) {
        peer_close(control->peers);
    }
    (void)unlinkat(control->dir_fd, SOCKET_NAME, 0);
    uv_close((uv_handle_t *)&control->listener, on_handle_closed);
    uv_close((uv_handle_t *)&control->again, on_handle_closed);
}
