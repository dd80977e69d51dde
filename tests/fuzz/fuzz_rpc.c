/* rpc_read survives any bytes: each request has either a method or a problem, every response to it
 * is one line of valid JSON, and its id is the one that was sent. */
#include "control/rpc.h"
#include "state/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_line line;
    require(rpc_read(&line, (const char *)data, size));
    require(line.count > 0 && (line.batch || line.count == 1));
    for (size_t i = 0; i < line.count; i++) {
        const struct rpc_request *request = &line.requests[i];
        require((request->method != NULL) == (request->code == 0));
        require((request->problem != NULL) == (request->code != 0));
        if (request->id == NULL) {
            continue;
        }
        struct text out = {0};
        struct error err;
        require(request->code != 0
                    ? rpc_put_error(&out, request->id, request->code, request->problem)
                    : rpc_put_result(&out, request->id, request->params));
        /* An id may itself hold white space only inside of a string, where it is escaped. */
        require(json_check(out.data, out.len, &err) && memchr(out.data, '\n', out.len) == NULL);
        text_finish(&out);
    }
    rpc_line_finish(&line);
    return 0;
}
