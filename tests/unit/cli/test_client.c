#define _GNU_SOURCE
#include "cli/client.h"

#include "control/control.h"
#include "supervisor/run_dir.h"
#include "trial.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A control socket that is served in a thread of its own, as another process would. */
static struct server {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t stop;
    struct log log;
    struct run_dir dir;
    struct control *control;
    bool runs;
} server;

/* echo: its params; refuse: an error; silent: nothing; hang up: the end; events: a few of them. */
static bool on_call(void *ctx, const char *method, const cJSON *params, struct control_call *call)
{
    struct server *s = ctx;
    if (strcmp(method, "echo") == 0) {
        control_answer(call, params != NULL ? cJSON_Duplicate(params, true) : cJSON_CreateNull());
    } else if (strcmp(method, "digits") == 0) {
        control_answer_text(call, "[1.50,\n9007199254740993]", 24);
    } else if (strcmp(method, "refuse") == 0) {
        control_fail(call, CONTROL_REFUSED, "nothing to go back to");
    } else if (strcmp(method, "hang up") == 0) {
        control_destroy(s->control);
        s->control = NULL;
    } else if (strcmp(method, "events") == 0) {
        control_subscribe(call);
        control_publish(s->control, "{\"event\":\"a\",\"t_ns\":9007199254740993}");
        control_publish(s->control, "{\"event\":\"b\"}");
        control_publish(s->control, "{\"event\":\"c\"}");
    } else if (strcmp(method, "silent") != 0) {
        return false;
    }
    return true;
}

static void on_stop(uv_async_t *async)
{
    struct server *s = async->data;
    control_destroy(s->control);
    uv_close((uv_handle_t *)async, NULL);
}

static void serve(void *ctx)
{
    struct server *s = ctx;
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
}

static int setup(void **state)
{
    (void)signal(SIGPIPE, SIG_IGN);
    struct error err;
    server = (struct server){0};
    if (trial_setup(state) != 0 || uv_loop_init(&server.loop) != 0 ||
        !run_dir_open(&server.dir, at(".hotrun"), NULL, &err)) {
        return -1;
    }
    log_init(&server.log, LOG_ERROR, true);
    server.control =
        control_create(&server.loop, &server.log, server.dir.fd, on_call, &server, &err);
    (void)uv_async_init(&server.loop, &server.stop, on_stop);
    server.stop.data = &server;
    return server.control == NULL ? -1 : uv_thread_create(&server.thread, serve, &server);
}

static void stop_server(void)
{
    (void)uv_async_send(&server.stop);
    (void)uv_thread_join(&server.thread);
}

static int teardown(void **state)
{
    stop_server();
    run_dir_close(&server.dir);
    return uv_loop_close(&server.loop) != 0 ? -1 : trial_teardown(state);
}

#define WAIT_NS TRIAL_DEADLINE_NS

static void expect_failure(const char *dir, const char *method, uint64_t timeout_ns,
                           enum error_code code, const char *words)
{
    struct error err = {0};
    cJSON *result = NULL;
    assert_false(client_call(dir, method, NULL, timeout_ns, &result, &err));
    assert_null(result);
    if (err.code != code || strstr(err.text, words) == NULL) {
        fail_msg("code %d: %s", (int)err.code, err.text);
    }
}

static void a_call_brings_its_result(void **state)
{
    (void)state;
    struct error err;
    cJSON *params = cJSON_Parse("{\"force\":true}");
    cJSON *result = NULL;
    assert_true(client_call(at(".hotrun"), "echo", params, WAIT_NS, &result, &err));
    assert_true(cJSON_Compare(params, result, true));
    cJSON_Delete(result);
    assert_true(client_call(at(".hotrun"), "echo", params, 0, NULL, &err));
    assert_true(client_call(at(".hotrun"), "echo", NULL, WAIT_NS, &result, &err));
    assert_true(cJSON_IsNull(result));
    cJSON_Delete(result);
    cJSON_Delete(params);
}

static void a_large_request_and_answer_pass(void **state)
{
    (void)state;
    struct error err;
    size_t len = 900000;
    char *big = malloc(len + 1);
    assert_non_null(big);
    memset(big, 'x', len);
    big[len] = '\0';
    cJSON *params = cJSON_CreateObject();
    cJSON *result = NULL;
    (void)cJSON_AddStringToObject(params, "big", big);
    free(big);
    assert_true(client_call(at(".hotrun"), "echo", params, WAIT_NS, &result, &err));
    assert_true(cJSON_Compare(params, result, true));
    cJSON_Delete(result);
    cJSON_Delete(params);
}

static void a_results_own_text_keeps_every_digit(void **state)
{
    (void)state;
    struct error err;
    struct text text = {0};
    assert_true(client_call_text(at(".hotrun"), "digits", NULL, WAIT_NS, &text, &err));
    assert_string_equal(text_string(&text), "[1.50, 9007199254740993]");
    assert_false(client_call_text(at(".hotrun"), "refuse", NULL, WAIT_NS, &text, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    text_finish(&text);
}

static void a_refusal_is_told_in_its_own_words(void **state)
{
    (void)state;
    expect_failure(at(".hotrun"), "refuse", WAIT_NS, ERROR_REFUSED, "nothing to go back to");
    expect_failure(at(".hotrun"), "unheard of", WAIT_NS, ERROR_USAGE, "unknown");
}

static void where_nothing_runs_it_is_said_and_what_to_do(void **state)
{
    (void)state;
    expect_failure(at("sub/.hotrun"), "echo", WAIT_NS, ERROR_MISSING,
                   "no hotrun runs here (looked at .hotrun and in the parents)");
    expect_failure(at("elsewhere"), "echo", WAIT_NS, ERROR_MISSING, "no hotrun runs in ");
    struct run_dir starting;
    struct error err;
    assert_true(run_dir_open(&starting, at("starting"), NULL, &err));
    expect_failure(at("starting"), "echo", WAIT_NS, ERROR_BUSY, "try again");
    run_dir_close(&starting);
    put(at("control.sock"), "no socket");
    expect_failure(trial_dir, "echo", WAIT_NS, ERROR_MISSING, "no hotrun runs in ");
}

static int listen_in(const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", folder);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                listen(fd, 1) == 0);
    return fd;
}

static void runs_that_have_names_are_named(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("many"), 0700), 0);
    assert_int_equal(mkdir(at("many/.hotrun"), 0700), 0);
    assert_int_equal(mkdir(at("many/.hotrun/one"), 0700), 0);
    assert_int_equal(mkdir(at("many/.hotrun/gone"), 0700), 0);
    close(listen_in(at("many/.hotrun/gone")));
    int fd = listen_in(at("many/.hotrun/one"));
    expect_failure(at("many/.hotrun"), "echo", WAIT_NS, ERROR_MISSING, "there are --name one");
    struct error err;
    cJSON *result = NULL;
    assert_false(client_call(at("many/.hotrun"), "echo", NULL, WAIT_NS, &result, &err));
    assert_null(strstr(err.text, "gone"));
    close(fd);
    expect_failure(at("many/.hotrun"), "echo", WAIT_NS, ERROR_MISSING, "no hotrun runs here");
}

static void an_answer_that_does_not_come_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    expect_failure(at(".hotrun"), "silent", 20000000, ERROR_BUSY, "did not answer in time");
    expect_failure(at(".hotrun"), "hang up", WAIT_NS, ERROR_REFUSED, "hotrun is ending");
}

struct heard {
    unsigned count, most;
    char first[256];
};

static bool on_event(void *ctx, const char *event)
{
    struct heard *heard = ctx;
    if (heard->count++ == 0) {
        (void)snprintf(heard->first, sizeof heard->first, "%s", event);
    }
    if (heard->count == 3) {
        (void)uv_async_send(&server.stop);
    }
    return heard->count != heard->most;
}

static void events_are_followed_word_by_word_until_hotrun_ends(void **state)
{
    (void)state;
    struct error err;
    struct heard heard = {.most = 2};
    assert_true(client_follow(at(".hotrun"), "events", WAIT_NS, on_event, &heard, &err));
    assert_int_equal(heard.count, 2);
    assert_string_equal(heard.first, "{\"event\":\"a\",\"t_ns\":9007199254740993}");
    heard = (struct heard){.most = 100};
    assert_true(client_follow(at(".hotrun"), "events", WAIT_NS, on_event, &heard, &err));
    assert_int_equal(heard.count, 3);
    assert_false(client_follow(at(".hotrun"), "events", WAIT_NS, on_event, &heard, &err));
    assert_int_equal(err.code, ERROR_BUSY); /* the lock is still held here */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_call_brings_its_result),
        TEST(a_large_request_and_answer_pass),
        TEST(a_results_own_text_keeps_every_digit),
        TEST(a_refusal_is_told_in_its_own_words),
        TEST(where_nothing_runs_it_is_said_and_what_to_do),
        TEST(runs_that_have_names_are_named),
        TEST(an_answer_that_does_not_come_is_not_waited_for_for_ever),
        TEST(events_are_followed_word_by_word_until_hotrun_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
