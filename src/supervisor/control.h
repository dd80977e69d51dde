/* The control socket: JSON-RPC 2.0 over a Unix stream socket, one message a line (and batches, as
 * the standard says). Only this user's processes are served (SO_PEERCRED). A client that stops
 * reading is dropped when 1 MB waits for it; a line above 1 MB is answered with an error and the
 * connection closed. At most 32 clients. [supervisor's loop thread] */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include "base/error.h"
#include "base/log.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <uv.h>

struct control;      /* opaque */
struct control_call; /* one request that waits for its answer */

/* JSON-RPC error codes of our own, beside the standard's */
enum {
    CONTROL_PARSE_ERROR = -32700,
    CONTROL_INVALID_REQUEST = -32600,
    CONTROL_UNKNOWN_METHOD = -32601,
    CONTROL_INVALID_PARAMS = -32602,
    CONTROL_INTERNAL = -32603,
    CONTROL_REFUSED = -32000 /* not possible in this state; the message says why */
};

/* Called for each request. `params` is an object or NULL and belongs to the caller. Answer at once
 * or later, exactly once, by control_answer or control_fail; a notification's call takes the answer
 * and drops it. Returns false for an unknown method (control answers then). */
typedef bool control_handler(void *ctx, const char *method, const cJSON *params,
                             struct control_call *call);

struct control *control_create(uv_loop_t *loop, struct log *log, int dir_fd,
                               control_handler *handler, void *ctx, struct error *err);

/* Takes `result` over and frees the call. A call whose client has gone is dropped quietly. */
void control_answer(struct control_call *call, cJSON *result);
void control_fail(struct control_call *call, int code, const char *message);

/* The call's client gets every later line of control_publish, after the answer {"subscribed":true}.
 * Frees the call. */
void control_subscribe(struct control_call *call);

/* Sends `line` (one JSON object, no newline) as the notification
 * {"jsonrpc":"2.0","method":"event","params":LINE} to subscribers. */
void control_publish(struct control *control, const char *line);

/* Calls still waiting are failed with CONTROL_REFUSED. Tries to flush what is queued without
 * waiting, closes its handles through the loop. */
void control_destroy(struct control *control);

#endif
