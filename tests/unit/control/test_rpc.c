#include "control/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rpc_line line;

static const struct rpc_request *read_one(const char *text)
{
    assert_true(rpc_read(&line, text, strlen(text)));
    assert_false(line.batch);
    assert_int_equal(line.count, 1);
    return &line.requests[0];
}

static int finish(void **state)
{
    (void)state;
    rpc_line_finish(&line);
    return 0;
}

static void expect_problem(const char *text, int code, const char *id)
{
    const struct rpc_request *request = read_one(text);
    assert_int_equal(request->code, code);
    assert_null(request->method);
    if (id == NULL) {
        assert_null(request->id);
    } else {
        assert_string_equal(request->id, id);
    }
    rpc_line_finish(&line);
}

static void a_request_has_method_params_and_id(void **state)
{
    (void)state;
    const struct rpc_request *request = read_one(" {\"jsonrpc\": \"2.0\", \"params\": {\"force\": "
                                                 "true}, \"id\": 7, \"method\": \"reload\"} ");
    assert_int_equal(request->code, 0);
    assert_string_equal(request->method, "reload");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request->params, "force")));
    assert_string_equal(request->id, "7");
}

static void an_id_comes_back_as_it_was_sent(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "1",
        "-0",
        "9007199254740993",
        "123456789012345678901234567890",
        "1.50",
        "1E+2",
        "null",
        "\"\"",
        "\"a\\u00e9\\\"]}\\\\\"",
        "\"\xc3\xa9\"",
    };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "{\"params\":{\"id\":[1,{\"x\":\"}\"}]} , \"x\\\"y\":[[],{}],\"id\" : %s , "
                       "\"jsonrpc\":\"2.0\",\"method\":\"m\"}",
                       ids[i]);
        assert_string_equal(read_one(text)->id, ids[i]);
        rpc_line_finish(&line);
        (void)snprintf(text, sizeof text,
                       "[1, \"]\", {\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":%s}]", ids[i]);
        assert_true(rpc_read(&line, text, strlen(text)));
        assert_int_equal(line.count, 3);
        assert_string_equal(line.requests[2].id, ids[i]);
        rpc_line_finish(&line);
    }
}

static void a_request_without_an_id_is_a_notification(void **state)
{
    (void)state;
    assert_null(read_one("{\"jsonrpc\":\"2.0\",\"method\":\"quit\"}")->id);
    assert_null(line.requests[0].params);
    assert_string_equal(line.requests[0].method, "quit");
}

static void what_is_no_json_is_a_parse_error(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{",
        "nonsense",
        "{\"jsonrpc\":\"2.0\",}",
        "[1,",
        "{} {}",
        "\xff",
        "+1",
        "{\"jsonrpc\":\"2.0\",\"method\":\"foobar, \"params\":\"bar\",\"baz]",
        "[{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":\"1\"},{\"jsonrpc\":\"2.0\",\"method\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_problem(texts[i], RPC_PARSE_ERROR, "null");
    }
    static const char embedded[] = "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}\0x";
    assert_true(rpc_read(&line, embedded, sizeof embedded - 1));
    assert_int_equal(line.requests[0].code, RPC_PARSE_ERROR);
    rpc_line_finish(&line);
    char deep[4000];
    memset(deep, 0x5b, sizeof deep);
    assert_true(rpc_read(&line, deep, sizeof deep));
    assert_int_equal(line.requests[0].code, RPC_PARSE_ERROR);
}

static void what_is_no_request_is_an_invalid_request(void **state)
{
    (void)state;
    static const struct {
        const char *text, *id;
    } rows[] = {
        {"1", "null"},
        {"\"text\"", "null"},
        {"null", "null"},
        {"{}", "null"},
        {"{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":\"bar\"}", "null"},
        {"{\"jsonrpc\":\"1.0\",\"method\":\"m\",\"id\":5}", "5"},
        {"{\"method\":\"m\",\"id\":5}", "5"},
        {"{\"jsonrpc\":2.0,\"method\":\"m\",\"id\":5}", "5"},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\"}", "\"a\""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":7,\"id\":5}", "5"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":true}", "null"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":[1]}", "null"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":{}}", "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_problem(rows[i].text, RPC_INVALID_REQUEST, rows[i].id);
    }
}

static void params_by_position_are_invalid_params(void **state)
{
    (void)state;
    expect_problem("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1],\"id\":5}",
                   RPC_INVALID_PARAMS, "5");
    expect_problem("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[1]}", RPC_INVALID_PARAMS,
                   NULL);
    assert_string_equal(read_one("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":[]}")->method,
                        "m");
}

static void a_batch_is_read_one_by_one(void **state)
{
    (void)state;
    static const char text[] = "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":\"1\"},"
                               "{\"jsonrpc\":\"2.0\",\"method\":\"b\"},{\"foo\":\"boo\"},1]";
    assert_true(rpc_read(&line, text, sizeof text - 1));
    assert_true(line.batch);
    assert_int_equal(line.count, 4);
    assert_string_equal(line.requests[0].method, "a");
    assert_null(line.requests[1].id);
    assert_int_equal(line.requests[2].code, RPC_INVALID_REQUEST);
    assert_string_equal(line.requests[3].id, "null");
}

static void an_empty_or_endless_batch_is_one_invalid_request(void **state)
{
    (void)state;
    expect_problem(" [ ] ", RPC_INVALID_REQUEST, "null");
    static char text[2 * (RPC_BATCH_MAX + 1) + 2];
    for (size_t i = 0; i <= RPC_BATCH_MAX; i++) {
        memcpy(text + 2 * i, i == 0 ? "[1" : ",1", 2);
    }
    text[sizeof text - 2] = ']';
    expect_problem(text, RPC_INVALID_REQUEST, "null");
}

static void responses_are_one_line_each(void **state)
{
    (void)state;
    struct text out = {0};
    cJSON *result = cJSON_Parse("{\"a\": [1, \"x\\ny\"]}");
    assert_true(rpc_put_result(&out, "\"i\"", result));
    cJSON_Delete(result);
    assert_string_equal(text_string(&out),
                        "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"result\":{\"a\":[1,\"x\\ny\"]}}");
    text_clear(&out);
    assert_true(rpc_put_result(&out, "1", NULL));
    assert_string_equal(text_string(&out), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}");
    text_clear(&out);
    assert_true(rpc_put_error(&out, "null", RPC_PARSE_ERROR, "a \"b\"\n"));
    cJSON *tree = cJSON_Parse(text_string(&out));
    const cJSON *error = cJSON_GetObjectItem(tree, "error");
    assert_int_equal(cJSON_GetObjectItem(error, "code")->valueint, -32700);
    assert_string_equal(cJSON_GetObjectItem(error, "message")->valuestring, "a \"b\"\n");
    assert_null(strchr(text_string(&out), '\n'));
    cJSON_Delete(tree);
    text_finish(&out);
}

static void a_string_with_a_nul_in_it_is_no_other_string(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "{\"jsonrpc\":\"2.0\",\"method\":\"quit\\u0000er\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"a\\u0000\":[1]}}",
        "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":[\"/x\\\\\\u0000y\"]}}"};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        expect_problem(requests[i], RPC_INVALID_REQUEST, "1");
    }
    /* JSON text in a string may say it. */
    const struct rpc_request *request =
        read_one("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"a\":\"\\\\u0000\"}}");
    assert_int_equal(request->code, 0);
    rpc_line_finish(&line);
    static const char batch[] = "[{\"jsonrpc\":\"2.0\",\"method\":\"m\"},{\"id\":\"\\u0000\"}]";
    assert_true(rpc_read(&line, batch, strlen(batch)));
    assert_int_equal(line.requests[0].code, 0);
    assert_int_equal(line.requests[1].code, RPC_INVALID_REQUEST);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, finish)
    const struct CMUnitTest tests[] = {
        TEST(a_request_has_method_params_and_id),
        TEST(an_id_comes_back_as_it_was_sent),
        TEST(a_request_without_an_id_is_a_notification),
        TEST(what_is_no_json_is_a_parse_error),
        TEST(what_is_no_request_is_an_invalid_request),
        TEST(params_by_position_are_invalid_params),
        TEST(a_batch_is_read_one_by_one),
        TEST(an_empty_or_endless_batch_is_one_invalid_request),
        TEST(a_string_with_a_nul_in_it_is_no_other_string),
        TEST(responses_are_one_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
