#define _GNU_SOURCE
#include "control/rpc.h"

#include "state/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ids as they were sent ---- */

/* cJSON keeps numbers as double: an id above 2^53 would come back as another one. So its text is
 * found again in the line, which is valid JSON at this point. */

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *skip_string(const char *at)
{
    for (at++; *at != '"' && *at != '\0'; at++) {
        at += *at == '\\' && at[1] != '\0';
    }
    return *at == '"' ? at + 1 : at;
}

/* Behind the value that starts at `at`. */
static const char *skip_value(const char *at)
{
    size_t depth = 0;
    for (; *at != '\0'; at++) {
        if (*at == '"') {
            at = skip_string(at) - 1;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (depth == 0 && strchr(",]} \t\r\n", *at) != NULL) {
            return at;
        } else if ((*at == '}' || *at == ']') && --depth == 0) {
            return at + 1;
        }
        if (depth == 0 && *at == '"') {
            return at + 1;
        }
    }
    return at;
}

/* The value of the member at position `index` of the object that starts at `at`. */
static char *member_text(const char *at, size_t index)
{
    at = skip_space(at + 1);
    for (size_t i = 0;; i++) {
        at = skip_space(skip_string(at));
        at = skip_space(*at == ':' ? at + 1 : at);
        const char *end = skip_value(at);
        if (i == index) {
            return strndup(at, (size_t)(end - at));
        }
        end = skip_space(end);
        at = skip_space(*end == ',' ? end + 1 : end);
        if (*at == '\0') {
            return NULL;
        }
    }
}

/* ---- requests ---- */

/* Whether a string between `at` and `end` holds U+0000, at which cJSON's strings would seem to end:
 * a pointer, a path or a name would be another one. */
static bool holds_nul(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at == '\\' && strncmp(++at, "u0000", 5) == 0) {
            return true;
        }
    }
    return false;
}

static void refuse(struct rpc_request *request, int code, const char *problem)
{
    request->code = code;
    request->problem = problem;
}

/* False: no memory. A request without a readable id is answered to the id null. */
static bool read_id(struct rpc_request *request, const cJSON *object, const char *text)
{
    size_t index = 0;
    const cJSON *id = object == NULL ? NULL : object->child;
    while (id != NULL && strcmp(id->string, "id") != 0) {
        id = id->next;
        index++;
    }
    if (id == NULL) {
        return true;
    }
    bool good = cJSON_IsString(id) || cJSON_IsNumber(id) || cJSON_IsNull(id);
    request->id = good ? member_text(text, index) : strdup("null");
    if (!good) {
        refuse(request, RPC_INVALID_REQUEST,
               "Invalid Request: expected \"id\" to be a string, a number or null");
    }
    return request->id != NULL;
}

/* `text` is where the element starts in the line. */
static bool read_request(struct rpc_request *request, const cJSON *element, const char *text)
{
    bool is_object = cJSON_IsObject(element);
    if (!read_id(request, is_object ? element : NULL, text)) {
        return false;
    }
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(element, "jsonrpc");
    const cJSON *method = cJSON_GetObjectItemCaseSensitive(element, "method");
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(element, "params");
    if (request->code != 0) {
        return true;
    }
    if (!is_object) {
        refuse(request, RPC_INVALID_REQUEST, "Invalid Request: expected an object");
    } else if (holds_nul(text, skip_value(text))) {
        refuse(request, RPC_INVALID_REQUEST,
               "Invalid Request: expected strings without U+0000, found one with \\u0000");
    } else if (!cJSON_IsString(version) || strcmp(version->valuestring, "2.0") != 0) {
        refuse(request, RPC_INVALID_REQUEST, "Invalid Request: expected \"jsonrpc\": \"2.0\"");
    } else if (!cJSON_IsString(method)) {
        refuse(request, RPC_INVALID_REQUEST, "Invalid Request: expected \"method\" to be a string");
    } else if (params != NULL && !cJSON_IsObject(params) && !cJSON_IsArray(params)) {
        refuse(request, RPC_INVALID_REQUEST,
               "Invalid Request: expected \"params\" to be an object");
    } else if (cJSON_IsArray(params) && params->child != NULL) {
        refuse(request, RPC_INVALID_PARAMS,
               "Invalid params: expected an object with named parameters, found an array");
    } else {
        request->method = method->valuestring;
        request->params = cJSON_IsObject(params) ? params : NULL;
        return true;
    }
    /* Without an id, what is a request at all is a notification: not answered, even if wrong. */
    if (request->id == NULL && request->code == RPC_INVALID_REQUEST) {
        request->id = strdup("null");
        return request->id != NULL;
    }
    return true;
}

static bool one_refusal(struct rpc_line *line, int code, const char *problem)
{
    line->requests = calloc(1, sizeof *line->requests);
    if (line->requests == NULL) {
        return false;
    }
    line->count = 1;
    refuse(&line->requests[0], code, problem);
    line->requests[0].id = strdup("null");
    return line->requests[0].id != NULL;
}

static bool read_batch(struct rpc_line *line, const char *text)
{
    size_t count = (size_t)cJSON_GetArraySize(line->tree);
    if (count == 0) {
        return one_refusal(line, RPC_INVALID_REQUEST, "Invalid Request: the batch is empty");
    }
    if (count > RPC_BATCH_MAX) {
        return one_refusal(line, RPC_INVALID_REQUEST,
                           "Invalid Request: the batch has more than 1000 requests");
    }
    line->requests = calloc(count, sizeof *line->requests);
    if (line->requests == NULL) {
        return false;
    }
    line->batch = true;
    const char *at = skip_space(text + 1);
    const cJSON *element;
    cJSON_ArrayForEach(element, line->tree)
    {
        if (!read_request(&line->requests[line->count++], element, at)) {
            return false;
        }
        at = skip_space(skip_value(at));
        at = skip_space(*at == ',' ? at + 1 : at);
    }
    return true;
}

bool rpc_read(struct rpc_line *line, const char *text, size_t len)
{
    *line = (struct rpc_line){0};
    struct error err = {0};
    if (!json_check(text, len, &err)) {
        if (err.code == ERROR_SYSTEM) {
            return false;
        }
        (void)snprintf(line->parse_problem, sizeof line->parse_problem, "Parse error: %s",
                       err.text);
        return one_refusal(line, RPC_PARSE_ERROR, line->parse_problem);
    }
    char *copy = strndup(text, len); /* whole: valid JSON holds no NUL */
    if (copy == NULL) {
        return false;
    }
    const char *start = skip_space(copy);
    line->tree = cJSON_Parse(copy);
    bool ok = false;
    if (line->tree == NULL) {
        ok = one_refusal(line, RPC_PARSE_ERROR,
                         "Parse error: a number has too many digits, or no memory");
    } else if (cJSON_IsArray(line->tree)) {
        ok = read_batch(line, start);
    } else if ((line->requests = calloc(1, sizeof *line->requests)) != NULL) {
        line->count = 1;
        ok = read_request(&line->requests[0], line->tree, start);
    }
    free(copy);
    return ok;
}

void rpc_line_finish(struct rpc_line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        free(line->requests[i].id);
    }
    free(line->requests);
    cJSON_Delete(line->tree);
    *line = (struct rpc_line){0};
}

/* ---- responses ---- */

bool rpc_put_result(struct text *out, const char *id, const cJSON *result)
{
    char *printed = result == NULL ? NULL : cJSON_PrintUnformatted(result);
    if (result != NULL && printed == NULL) {
        return false;
    }
    bool ok = text_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}", id,
                          printed == NULL ? "null" : printed);
    cJSON_free(printed);
    return ok;
}

bool rpc_put_text(struct text *out, const char *id, const char *json, size_t len)
{
    bool ok = text_printf(out, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":", id);
    size_t start = out->len;
    ok = ok && text_append(out, json, len);
    for (size_t i = start; ok && i < out->len; i++) {
        /* Only between tokens: in a string they are escaped. */
        if (out->data[i] == '\n' || out->data[i] == '\r') {
            out->data[i] = ' ';
        }
    }
    return ok && text_puts(out, "}");
}

bool rpc_put_error(struct text *out, const char *id, int code, const char *message)
{
    return text_printf(out,
                       "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":", id,
                       code) &&
           json_quote(out, message) && text_puts(out, "}}");
}
