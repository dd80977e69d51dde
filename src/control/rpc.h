/* JSON-RPC 2.0 as text: what a line asks for, and what its answers look like. Knows no sockets. */
#ifndef CONTROL_RPC_H
#define CONTROL_RPC_H

#include "base/error.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#define RPC_BATCH_MAX 1000

enum { /* the standard's error codes */
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_UNKNOWN_METHOD = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL = -32603
};

struct rpc_request {
    const char *method;  /* NULL when `code` is set */
    const cJSON *params; /* an object, or NULL */
    char *id;            /* JSON text as it was sent, "null" if it could not be read; NULL: a
                            notification, which gets no answer */
    int code;            /* 0, or the error that is the answer */
    const char *problem; /* its message */
};

struct rpc_line {
    cJSON *tree;
    struct rpc_request *requests;
    size_t count;
    bool batch; /* the answers go into one array */
    char parse_problem[1280];
};

/* Reads one line (without its newline; any bytes). What is wrong with it becomes requests with a
 * `code`: a line that is no JSON, or a batch that is empty or too long, is one of them. False: no
 * memory. `line` is to be finished in any case; methods, params and problems live until then, and
 * `line` is not moved. */
bool rpc_read(struct rpc_line *line, const char *text, size_t len);
void rpc_line_finish(struct rpc_line *line);

/* Append one response object without a newline. `result` stays the caller's; NULL is null. */
bool rpc_put_result(struct text *out, const char *id, const cJSON *result);
bool rpc_put_text(struct text *out, const char *id, const char *json,
                  size_t len); /* of JSON text: line breaks become spaces */
bool rpc_put_error(struct text *out, const char *id, int code, const char *message);

#endif
