#define _GNU_SOURCE /* struct ucred */
#include "supervisor/control_peer.h"

#include "supervisor/rpc.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX ((size_t)1 << 20) /* one answer may be longer: it starts an empty queue */

struct pending_write {
    uv_write_t request;
    struct peer *peer;
    char bytes[];
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
    free(done);
    peer->writes--;
    if (status < 0) {
        peer_close(peer);
    } else {
        peer_settle(peer);
    }
}

void peer_send(struct peer *peer, const char *bytes, size_t len)
{
    if (peer->closing) {
        return;
    }
    size_t queued = uv_stream_get_write_queue_size((uv_stream_t *)&peer->pipe);
    if (queued > 0 && queued + len > QUEUE_MAX) {
        log_line(peer->owner->log, LOG_DEBUG,
                 "a control client was dropped: it left %zu bytes unread", queued);
        peer_close(peer);
        return;
    }
    struct pending_write *pending = malloc(sizeof *pending + len + 1);
    if (pending == NULL) {
        peer_close(peer); /* an answer that is missing would be waited for */
        return;
    }
    memcpy(pending->bytes, bytes, len);
    pending->bytes[len] = '\n';
    pending->peer = peer;
    pending->request.data = pending;
    uv_buf_t buffer = uv_buf_init(pending->bytes, (unsigned)(len + 1));
    if (uv_write(&pending->request, (uv_stream_t *)&peer->pipe, &buffer, 1, on_written) != 0) {
        free(pending);
        peer_close(peer);
        return;
    }
    peer->writes++;
}

void peer_refuse(struct peer *peer, int code, const char *message)
{
    struct text text = {0};
    peer->last = true;
    (void)uv_read_stop((uv_stream_t *)&peer->pipe);
    if (rpc_put_error(&text, "null", code, message)) {
        peer_send(peer, text_string(&text), text.len);
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

/* Takes the whole lines out of what has come. */
static void take_lines(struct peer *peer, size_t fresh)
{
    size_t done = 0;
    const char *start = peer->in.data;
    const char *end = start + peer->in.len;
    const char *newline = memchr(end - fresh, '\n', fresh); /* none in what was there before */
    while (newline != NULL && !peer->closing && !peer->last) {
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
    size_t rest = peer->in.len - done;
    if (rest > PEER_LINE_MAX && !peer->closing) {
        peer_refuse(peer, RPC_INVALID_REQUEST, "Invalid Request: a line is above 1 MB");
    }
    if (rest == 0) {
        text_finish(&peer->in);
    } else if (done > 0) {
        memmove(peer->in.data, peer->in.data + done, rest + 1);
        peer->in.len = rest;
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

void peer_start(struct peer *peer)
{
    if (uv_read_start((uv_stream_t *)&peer->pipe, on_alloc, on_read) != 0) {
        peer_close(peer);
    }
}
