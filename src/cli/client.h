/* Talks to the hotrun that runs in a run directory: JSON-RPC 2.0 over its control socket, one
 * message a line. Blocking; for the commands that end after it. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/error.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define CLIENT_TIMEOUT_NS UINT64_C(30000000000) /* what a person waits for an answer */

/* Sends one request and waits for its answer. `params` is an object or NULL and stays the
 * caller's; `result` may be NULL, else the caller deletes what it gets (never NULL on success).
 * timeout_ns 0: for ever. Errors: ERROR_MISSING (no hotrun runs there), ERROR_BUSY (it is starting,
 * ending, or did not answer in time), ERROR_REFUSED (it said no: the text is its own message, or
 * the run directory is another user's), ERROR_USAGE (it does not know the method or its
 * parameters), ERROR_FORMAT (what answers is no hotrun). */
bool client_call(const char *run_dir, const char *method, const cJSON *params, uint64_t timeout_ns,
                 cJSON **result, struct error *err);

/* The same with the result's own text appended to `result`: numbers keep their digits, and it may
 * be large. */
bool client_call_text(const char *run_dir, const char *method, const cJSON *params,
                      uint64_t timeout_ns, struct text *result, struct error *err);

/* One event, as JSON text without a newline. Returns false to end the following. */
typedef bool client_event(void *ctx, const char *event);

/* Calls `method` (one that subscribes), then hands each event to `callback` until that returns
 * false or hotrun ends: both are true. timeout_ns limits the wait for the subscription only.
 * Errors as above. */
bool client_follow(const char *run_dir, const char *method, uint64_t timeout_ns,
                   client_event *callback, void *ctx, struct error *err);

#endif
