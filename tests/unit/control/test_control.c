/* What is said on a connection: lines, requests, batches, subscriptions, and the end. */
#define _GNU_SOURCE
#include "control_trial.h"

#include <signal.h>

static void a_request_is_answered_with_its_id(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"a\":[1]},\"id\":"
            "9007199254740993}\n");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"result\":{\"a\":[1]}}");
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"refuse\",\"id\":null}\r\n");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
                     "\"message\":\"not in this state\"}}");
    (void)close(fd);
}

static void a_line_may_come_in_pieces_and_several_at_once(void **state)
{
    (void)state;
    int fd = dial();
    const char *text = "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1}\n";
    for (const char *byte = text; *byte != '\0'; byte++) {
        assert_int_equal(trial.calls, 0);
        say_bytes(fd, byte, 1);
        turn(&trial.loop);
    }
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}");
    say(fd, "\n  \r\n{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":2}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":3}\n{\"jsonrpc\":\"2.0\",");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":null}");
    say(fd, "\"method\":\"echo\",\"id\":4}\n");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":null}");
    (void)close(fd);
}

static void wrong_lines_are_answered_as_the_standard_says(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "nonsense\n");
    expect_error(fd, CONTROL_PARSE_ERROR);
    say_bytes(fd, "{}\0\n", 4);
    expect_error(fd, CONTROL_PARSE_ERROR);
    say(fd, "[]\n");
    expect_error(fd, CONTROL_INVALID_REQUEST);
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"unheard of\",\"id\":1}\n");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,"
                     "\"message\":\"Method not found: \\\"unheard of\\\" is unknown\"}}");
    expect_alive(fd);
    (void)close(fd);
}

static void notifications_are_not_answered(void **state)
{
    (void)state;
    int fd = dial();
    say(fd,
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"refuse\"}\n"
        "{\"jsonrpc\":\"2.0\",\"method\":\"unheard of\"}\n"
        "[{\"jsonrpc\":\"2.0\",\"method\":\"echo\"},{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}]\n");
    expect_alive(fd);
    assert_int_equal(trial.calls, 6);
    (void)close(fd);
}

static void a_batch_is_answered_by_one_array_when_all_is_known(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "[{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":1},1,"
            "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"},"
            "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":2}]\n");
    expect_alive(fd);
    control_answer(trial.kept, cJSON_CreateString("late"));
    expect_heard(fd, "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":"
                     "\"Invalid Request: expected an object\"}},"
                     "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null},"
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"late\"}]");
    (void)close(fd);
}

static void a_line_of_one_megabyte_is_read_and_a_longer_one_hangs_up(void **state)
{
    (void)state;
    size_t len = (size_t)1 << 20;
    char *bytes = malloc(len + 2);
    assert_non_null(bytes);
    memset(bytes, ' ', len + 2);
    static const char request[] = "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1}";
    memcpy(bytes + 500, request, sizeof request - 1);
    bytes[len] = '\n';
    int fd = dial();
    say_bytes(fd, bytes, len + 1);
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}");
    bytes[len] = ' ';
    bytes[len + 1] = '\n';
    say_bytes(fd, bytes, len + 2);
    expect_error(fd, CONTROL_INVALID_REQUEST);
    assert_null(hear(fd));
    (void)close(fd);

    fd = dial(); /* one that never ends its line */
    for (int i = 0; i < 3; i++) {
        say_bytes(fd, bytes, len);
    }
    expect_error(fd, CONTROL_INVALID_REQUEST);
    assert_null(hear(fd));
    (void)close(fd);
    assert_int_equal(trial.calls, 1);
    free(bytes);
}

static void subscribers_hear_every_line_after_their_answer(void **state)
{
    (void)state;
    int fd = dial(), other = dial();
    control_publish(trial.control, "{\"n\":0}");
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"events\",\"id\":1}\n");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"subscribed\":true}}");
    control_publish(trial.control, "{\"n\":1}");
    control_publish(trial.control, "{\"n\":9007199254740993}");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"n\":1}}");
    expect_heard(fd,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"n\":9007199254740993}}");
    expect_alive(other);
    expect_alive(fd);
    (void)close(fd);
    (void)close(other);
}

static void ending_fails_what_waits(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "[{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":1},"
            "{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":2}]\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":3}\n");
    expect_alive(fd);
    control_destroy(trial.control);
    trial.control = NULL;
    unsigned failed = 0;
    for (const char *line; (line = hear(fd)) != NULL;) {
        for (const char *word = line; (word = strstr(word, "-32000")) != NULL; word++) {
            failed++;
        }
    }
    assert_int_equal(failed, 3);
    (void)close(fd);
}

static void a_handler_may_end_it(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"end\",\"id\":1}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":2}\n");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}");
    assert_null(hear(fd));
    assert_int_equal(trial.calls, 1);
    (void)close(fd);
}

static void a_handler_may_end_it_in_a_batch(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "[{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":0},"
            "{\"jsonrpc\":\"2.0\",\"method\":\"end\",\"id\":1},"
            "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":2}]\n");
    const char *line = hear(fd);
    assert_non_null(line);
    assert_non_null(strstr(line, "\"id\":0,\"error\":{\"code\":-32000"));
    assert_non_null(strstr(line, "\"id\":1,\"result\":true}"));
    assert_null(hear(fd));
    assert_int_equal(trial.calls, 2);
    (void)close(fd);
}

struct outcome {
    unsigned times;
    char result[64], problem[64];
};

static void on_outcome(void *ctx, const cJSON *result, const char *problem)
{
    struct outcome *outcome = ctx;
    char *text = result != NULL ? cJSON_PrintUnformatted(result) : NULL;
    outcome->times++;
    (void)snprintf(outcome->result, sizeof outcome->result, "%s", text != NULL ? text : "");
    (void)snprintf(outcome->problem, sizeof outcome->problem, "%s", problem != NULL ? problem : "");
    cJSON_free(text);
}

static void a_call_without_a_client_hears_its_outcome_once(void **state)
{
    (void)state;
    struct outcome outcome = {0};
    struct control_call *call = control_call_create(trial.control, on_outcome, &outcome);
    assert_true(on_call(&trial, "echo", NULL, call));
    assert_int_equal(outcome.times, 1);
    assert_string_equal(outcome.result, "null");
    call = control_call_create(trial.control, on_outcome, &outcome);
    assert_true(on_call(&trial, "refuse", NULL, call));
    assert_int_equal(outcome.times, 2);
    assert_string_equal(outcome.problem, "not in this state");
    call = control_call_create(trial.control, on_outcome, &outcome);
    assert_true(on_call(&trial, "later", NULL, call));
    assert_int_equal(outcome.times, 2);
    control_destroy(trial.control);
    trial.control = NULL;
    assert_int_equal(outcome.times, 3);
    assert_string_equal(outcome.problem, "hotrun is ending");
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered_with_its_id),
        TEST(a_line_may_come_in_pieces_and_several_at_once),
        TEST(wrong_lines_are_answered_as_the_standard_says),
        TEST(notifications_are_not_answered),
        TEST(a_call_without_a_client_hears_its_outcome_once),
        TEST(a_batch_is_answered_by_one_array_when_all_is_known),
        TEST(a_line_of_one_megabyte_is_read_and_a_longer_one_hangs_up),
        TEST(subscribers_hear_every_line_after_their_answer),
        TEST(ending_fails_what_waits),
        TEST(a_handler_may_end_it),
        TEST(a_handler_may_end_it_in_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
