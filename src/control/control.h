/* The control socket: JSON-RPC 2.0 over a Unix stream socket, one message a line (and batches, as
 * the standard says). Only this user's processes are served (SO_PEERCRED). Answers may be
 * of any length; while one waits unread, no request is read from its client. A subscriber that
 * leaves 1 MB unread is dropped; a line above 1 MB is answered with an error and the connection
 * closed. At most 32 clients. [supervisor's loop thread] */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "base/error.h"
#include "base/log.h"
#include "control/rpc.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <uv.h>

/* What stands in front of an event's own text in its notification; "}" stands behind it. */
#define CONTROL_EVENT_HEAD "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":"

struct control;      /* opaque */
struct control_call; /* one request that waits for its answer */

enum { /* error codes: the standard's, and one of our own */
    CONTROL_PARSE_ERROR = RPC_PARSE_ERROR,
    CONTROL_INVALID_REQUEST = RPC_INVALID_REQUEST,
    CONTROL_UNKNOWN_METHOD = RPC_UNKNOWN_METHOD,
    CONTROL_INVALID_PARAMS = RPC_INVALID_PARAMS,
    CONTROL_INTERNAL = RPC_INTERNAL,
    CONTROL_REFUSED = -32000 /* not possible in this state; the message says why */
};

/* Called for each request. `params` is an object or NULL and lives until the handler returns.
 * Answer at once or later, exactly once, by control_answer, control_fail or control_subscribe; a
 * notification's call takes the answer and drops it. Returns false for an unknown method (control
 * answers then). */
typedef bool control_handler(void *ctx, const char *method, const cJSON *params,
                             struct control_call *call);

/* Listens on `control.sock` in the folder `dir_fd` (borrowed until control_destroy). What is there
 * of that name is replaced: the caller holds the folder's lock. The process must ignore SIGPIPE.
 * NULL with `err` when the socket cannot be had. */
struct control *control_create(uv_loop_t *loop, struct log *log, int dir_fd,
                               control_handler *handler, void *ctx, struct error *err);

/* Takes `result` over and frees the call; NULL is answered as an error: no memory. A call whose
 * client has gone is dropped quietly. */
void control_answer(struct control_call *call, cJSON *result);
void control_fail(struct control_call *call, int code, const char *message);

/* Before the handler returns: the answer may be large, so that nothing more is read from the client
 * until it has this one. False: the call is one of a batch, whose answers would pile up. */
bool control_expect_large(struct control_call *call);

/* The same as control_answer with a result that is JSON text already; a line break in it becomes a
 * space. One above 1 MB is refused while clients leave more than 256 MB unread, so that memory does
 * not grow with their number. */
void control_answer_text(struct control_call *call, const char *json, size_t len);

/* What became of a call of our own: its result (NULL: it was answered with text), or the sentence
 * that it failed with (NULL: it did not fail). */
typedef void control_outcome(void *ctx, const cJSON *result, const char *problem);

/* A call without a client, for a handler: `outcome` hears its answer, once. NULL: no memory. */
struct control_call *control_call_create(struct control *control, control_outcome *outcome,
                                         void *ctx);

/* The call's client gets every later line of control_publish, after the answer {"subscribed":true}.
 * Frees the call. */
void control_subscribe(struct control_call *call);

/* Sends `line` (one JSON object, no newline) as the notification
 * {"jsonrpc":"2.0","method":"event","params":LINE} to subscribers. */
void control_publish(struct control *control, const char *line);

/* Calls still waiting are failed with CONTROL_REFUSED and freed: their pointers are dead after
 * this. What a client's socket takes at once is still sent. Removes control.sock, closes its
 * handles through the loop. Allowed inside a handler; NULL is allowed. */
void control_destroy(struct control *control);

#endif
