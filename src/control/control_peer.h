/* One client of the control socket: cuts what comes into lines, sends lines. While its answers wait
 * unread nothing is read from it; when too much else does, it is dropped. Knows nothing of what the
 * lines say. [supervisor's loop thread] */
#ifndef CONTROL_CONTROL_PEER_H
#define CONTROL_CONTROL_PEER_H

#include "base/log.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define PEER_LINE_MAX ((size_t)1 << 20)

struct peer;

struct peer_owner { /* outlives its clients */
    struct log *log;
    void (*line)(void *ctx, struct peer *peer, const char *bytes, size_t len);
    void (*gone)(void *ctx, struct peer *peer); /* it is closing: not to be used any more */
    void (*freed)(void *ctx);                   /* its handle is closed, its memory free */
    void *ctx;
    char read_buffer[65536]; /* shared: one read at a time is between alloc and its callback */
};

struct peer {
    struct peer *next; /* the owner's list */
    struct peer_owner *owner;
    uv_pipe_t pipe;
    struct text in;   /* what has come and is not a whole line yet */
    unsigned writes;  /* not finished yet */
    unsigned awaited; /* answers that the owner will still send */
    unsigned large;   /* of them such as may be large: nothing more is read until they are sent */
    bool stopped;     /* it is not read, because answers wait unread or are awaited */
    bool subscribed;  /* the owner sends more at any time */
    bool taking;      /* its lines are being handed out */
    bool ended;       /* nothing more will come */
    bool last;        /* to be closed when all is written */
    bool closing;     /* in the hands of the loop */
};

/* NULL: no memory. */
struct peer *peer_create(struct peer_owner *owner, uv_loop_t *loop);

/* False when there is none to accept, or it is another user's. */
bool peer_accept(struct peer *peer, uv_stream_t *listener);

/* Starts reading. A line that is too long is answered with an error and the client closed. */
void peer_start(struct peer *peer);

/* Sends an answer, of any length and without a newline, and takes `line` over. Until the client has
 * read it, nothing more is read from it. */
void peer_answer(struct peer *peer, struct text *line);

/* Bytes that it was sent and has not taken. */
size_t peer_unread(const struct peer *peer);

/* Sends what nobody asked for; `bytes` needs no newline. Drops a client that leaves too much
 * unread. */
void peer_tell(struct peer *peer, const char *bytes, size_t len);

/* Goes on reading, when nothing stands against it any more. */
void peer_go_on(struct peer *peer);

/* Sends an error response without an id, then closes. */
void peer_refuse(struct peer *peer, int code, const char *message);

/* Closes a client that has said all and has been told all. */
void peer_settle(struct peer *peer);

/* Closes it now; what is not written is dropped. Closing twice is allowed. */
void peer_close(struct peer *peer);

#endif
