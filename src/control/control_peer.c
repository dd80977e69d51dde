#define _GNU_SOURCE /* struct ucred */
#include "control/control_peer.h"

#include "control/rpc.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX ((size_t)1 << 20) /* of what nobody asked for */

struct pending_write {
    uv_write_t request;
    struct peer *peer;
    struct text line; /* owned */
};

static void on_peer_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;
    const struct peer_owner *owner = peer->owner;
    text_finish(&peer->in);
    free(peer);
    owner->freed(owner->ctx);
}

void peer_close(struct peer *peer)
{
    if (peer->closing) {
        return;
    }
    peer->closing = true;
    peer->owner->gone(peer->owner->ctx, peer);
    uv_close((uv_handle_t *)&peer->pipe, on_peer_closed);
}

void peer_settle(struct peer *peer)
{
    if (peer->writes == 0 && !peer->closing &&
        (peer->last || (peer->ended && !peer->subscribed && peer->awaited == 0))) {
        peer_close(peer);
    }
}

static void on_written(uv_write_t *request, int status)
{
    struct pending_write *done = request->data;
    struct peer *peer = done->peer;
    text_finish(&done->line);
    free(done);
    peer->writes--;
    if (status < 0) {
        peer_close(peer);
    } else {
        peer_go_on(peer);
        peer_settle(peer);
    }
}

size_t peer_unread(const struct peer *peer)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&peer->pipe);
}

void peer_answer(struct peer *peer, struct text *line)
{
    struct pending_write *pending = peer->closing ? NULL : malloc(sizeof *pending);
    if (pending == NULL || !text_puts(line, "\n") || line->len > UINT_MAX) {
        free(pending);
        text_finish(line);
        peer_close(peer); /* an answer that is missing would be waited for */
        return;
    }
    *pending = (struct pending_write){.peer = peer, .line = *line};
    *line = (struct text){0};
    pending->request.data = pending;
    uv_buf_t buffer = uv_buf_init(pending->line.data, (unsigned)pending->line.len);
    if (uv_write(&pending->request, (uv_stream_t *)&peer->pipe, &buffer, 1, on_written) != 0) {
        text_finish(&pending->line);
        free(pending);
        peer_close(peer);
        return;
    }
    peer->writes++;
}

void peer_tell(struct peer *peer, const char *bytes, size_t len)
{
    struct text line = {0};
    if (peer->closing) {
        return;
    }
    size_t queued = peer_unread(peer);
    if (queued > 0 && queued + len > QUEUE_MAX) {
        log_line(peer->owner->log, LOG_DEBUG,
                 "a control client was dropped: it left %zu bytes unread", queued);
        peer_close(peer);
        return;
    }
    (void)text_append(&line, bytes, len);
    peer_answer(peer, &line);
}

void peer_refuse(struct peer *peer, int code, const char *message)
{
    struct text text = {0};
    peer->last = true;
    (void)uv_read_stop((uv_stream_t *)&peer->pipe);
    if (rpc_put_error(&text, "null", code, message)) {
        peer_answer(peer, &text);
    }
    text_finish(&text);
    peer_settle(peer);
}

static bool is_blank(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r", bytes[i]) == NULL || bytes[i] == '\0') {
            return false;
        }
    }
    return true;
}

/* Whether nothing more is to be read from it at present. */
static bool is_full(const struct peer *peer)
{
    return peer->large > 0 || peer_unread(peer) > 0;
}

/* Takes the whole lines out of what has come, as long as their answers are read. `fresh`: of its
 * bytes are new; none of those before is a newline. */
static void take_lines(struct peer *peer, size_t fresh)
{
    size_t done = 0;
    const char *start = peer->in.data;
    const char *end = start + peer->in.len;
    const char *newline = memchr(end - fresh, '\n', fresh);
    peer->taking = true;
    while (newline != NULL && !peer->closing && !peer->last && !is_full(peer)) {
        size_t len = (size_t)(newline - start) - done;
        if (len > PEER_LINE_MAX) {
            break;
        }
        if (!is_blank(start + done, len)) {
            peer->owner->line(peer->owner->ctx, peer, start + done, len);
        }
        done += len + 1;
        newline = memchr(start + done, '\n', peer->in.len - done);
    }
    peer->taking = false;
    size_t rest = peer->in.len - done;
    size_t line = newline != NULL ? (size_t)(newline - start) - done : rest;
    if (line > PEER_LINE_MAX && !peer->closing) {
        peer_refuse(peer, RPC_INVALID_REQUEST, "Invalid Request: a line is above 1 MB");
    }
    if (rest == 0) {
        text_finish(&peer->in);
    } else if (done > 0) {
        memmove(peer->in.data, peer->in.data + done, rest + 1);
        peer->in.len = rest;
    }
    if (is_full(peer) && !peer->closing && !peer->last && !peer->stopped) {
        peer->stopped = true;
        (void)uv_read_stop((uv_stream_t *)&peer->pipe);
    }
}

/* A peer that only closed its writing side still waits for answers. */
static bool is_gone(const struct peer *peer)
{
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)&peer->pipe, &fd) != 0) {
        return true;
    }
    struct pollfd there = {.fd = fd};
    return poll(&there, 1, 0) == 1 && (there.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct peer *peer = handle->data;
    *buffer = uv_buf_init(peer->owner->read_buffer, sizeof peer->owner->read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct peer *peer = stream->data;
    if (got > 0) {
        if (text_append(&peer->in, buffer->base, (size_t)got)) {
            take_lines(peer, (size_t)got);
        } else {
            peer_close(peer);
        }
    } else if (got == UV_EOF) {
        peer->ended = true;
        (void)uv_read_stop(stream);
        if (!is_blank(text_string(&peer->in), peer->in.len)) {
            peer->owner->line(peer->owner->ctx, peer, peer->in.data, peer->in.len);
        }
        if (is_gone(peer)) {
            peer_close(peer);
        } else {
            peer_settle(peer);
        }
    } else if (got < 0) {
        peer_close(peer);
    }
}

static bool is_same_user(uv_pipe_t *pipe)
{
    uv_os_fd_t fd;
    struct ucred user;
    socklen_t len = sizeof user;
    return uv_fileno((uv_handle_t *)pipe, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &len) == 0 && user.uid == geteuid();
}

struct peer *peer_create(struct peer_owner *owner, uv_loop_t *loop)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer != NULL) {
        peer->owner = owner;
        (void)uv_pipe_init(loop, &peer->pipe, 0);
        peer->pipe.data = peer;
    }
    return peer;
}

bool peer_accept(struct peer *peer, uv_stream_t *listener)
{
    if (uv_accept(listener, (uv_stream_t *)&peer->pipe) != 0) {
        return false;
    }
    if (!is_same_user(&peer->pipe)) {
        log_line(peer->owner->log, LOG_WARN, "a control client of another user was turned away");
        return false;
    }
    return true;
}

void peer_go_on(struct peer *peer)
{
    if (!peer->stopped || peer->taking || peer->closing || peer->last || is_full(peer)) {
        return;
    }
    peer->stopped = false;
    if (peer->in.len > 0) {
        take_lines(peer, peer->in.len);
    }
    if (!peer->stopped && !peer->closing && !peer->last && !peer->ended) {
        peer_start(peer);
    }
}

void peer_start(struct peer *peer)
{
    if (uv_read_start((uv_stream_t *)&peer->pipe, on_alloc, on_read) != 0) {
        peer_close(peer);
    }
}
