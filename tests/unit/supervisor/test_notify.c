#define _GNU_SOURCE /* setenv */
#include "supervisor/notify.h"

#include "trial.h"

#include <fcntl.h>

static struct log quiet;
static struct notify notify;
static int manager; /* the far end */

static void set_environment(const char *address, const char *limit_us, const char *pid)
{
    assert_int_equal(setenv("NOTIFY_SOCKET", address, 1), 0);
    if (limit_us != NULL) {
        assert_int_equal(setenv("WATCHDOG_USEC", limit_us, 1), 0);
    }
    if (pid != NULL) {
        assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
    }
}

static int setup(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    log_init(&quiet, LOG_ERROR, false);
    if (trial_setup(state) != 0) {
        return -1;
    }
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", at("notify"));
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(manager, (struct sockaddr *)&address, sizeof address) != 0) {
        return -1;
    }
    set_environment(address.sun_path, NULL, NULL);
    notify_init(&notify, &quiet);
    return 0;
}

static int teardown(void **state)
{
    notify_finish(&notify);
    (void)close(manager);
    return trial_teardown(state);
}

static void expect(const char *start)
{
    char text[1024] = "";
    ssize_t got = recv(manager, text, sizeof text - 1, 0);
    if (got < 0 || strncmp(text, start, strlen(start)) != 0) {
        fail_msg("expected \"%s\", found \"%s\"", start, text);
    }
}

static void expect_silence(void)
{
    char text[1024] = "";
    if (recv(manager, text, sizeof text - 1, 0) >= 0) {
        fail_msg("said without need: %s", text);
    }
}

static void the_environment_is_cleaned(void **state)
{
    (void)state;
    notify_finish(&notify);
    set_environment(at("notify"), "3000000", NULL);
    notify_init(&notify, &quiet);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    assert_int_equal(notify.watchdog_ms, 1500);
    assert_int_equal(fcntl(notify.fd, F_GETFD), FD_CLOEXEC);
}

static void a_watchdog_of_somebody_else_or_without_sense_is_none(void **state)
{
    (void)state;
    const char *const wrong[][2] = {{"3000000", "1"},
                                    {"", NULL},
                                    {"0", NULL},
                                    {"-5", NULL},
                                    {"12ms", NULL},
                                    {"3000000", "x"},
                                    {"99999999999999999999", NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        notify_finish(&notify);
        set_environment(at("notify"), wrong[i][0], wrong[i][1]);
        notify_init(&notify, &quiet);
        assert_int_equal(notify.watchdog_ms, 0);
    }
}

static void an_address_that_does_not_fit_is_no_manager(void **state)
{
    (void)state;
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    const char *const wrong[] = {"relative/path", "@", "/", "vsock:2:1", longer};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        log_init(&quiet, LOG_ERROR, false);
        notify_finish(&notify);
        set_environment(wrong[i], NULL, NULL);
        notify_init(&notify, &quiet);
        assert_int_equal(notify.fd, -1);
        assert_true(notify_phase(&notify, NOTIFY_READY));
        assert_true(notify_status(&notify, "nobody hears it"));
    }
}

static void each_phase_is_told_once(void **state)
{
    (void)state;
    char ready[64];
    (void)snprintf(ready, sizeof ready, "READY=1\nMAINPID=%ld", (long)getpid());
    assert_true(notify_phase(&notify, NOTIFY_RELOADING)); /* it is not ready */
    expect_silence();
    assert_true(notify_phase(&notify, NOTIFY_READY));
    expect(ready);
    assert_true(notify_phase(&notify, NOTIFY_READY));
    expect_silence();
    assert_true(notify_phase(&notify, NOTIFY_RELOADING));
    expect("RELOADING=1\nMONOTONIC_USEC=");
    assert_true(notify_phase(&notify, NOTIFY_READY));
    expect("READY=1");
    assert_true(notify_phase(&notify, NOTIFY_STOPPING));
    expect("STOPPING=1");
    assert_true(notify_phase(&notify, NOTIFY_READY));
    expect_silence();
}

static void a_status_is_one_line_and_told_when_it_is_new(void **state)
{
    (void)state;
    assert_true(notify_status(&notify, "held: two\nlines\tlong"));
    expect("STATUS=held: two lines long");
    assert_true(notify_status(&notify, "held: two\nlines\tlong"));
    expect_silence();
    char longer[2 * NOTIFY_STATUS_MOST];
    memset(longer, 's', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_true(notify_status(&notify, longer));
    expect("STATUS=sss");
}

static void what_a_full_socket_did_not_take_is_said_again(void **state)
{
    (void)state;
    unsigned lives = 0;
    while (notify_status(&notify, lives % 2 == 0 ? "even" : "odd")) {
        lives++;
        assert_true(lives < 100000);
    }
    assert_false(notify_phase(&notify, NOTIFY_READY));
    for (unsigned i = 0; i < lives; i++) {
        expect("STATUS=");
    }
    assert_true(notify_phase(&notify, NOTIFY_READY));
    expect("READY=1");
    expect_silence();
}

static void a_manager_that_has_gone_is_no_trouble(void **state)
{
    (void)state;
    (void)close(manager);
    manager = -1;
    assert_true(notify_phase(&notify, NOTIFY_READY));
    assert_true(notify_status(&notify, "alone"));
    notify_watchdog(&notify);
    notify_store(&notify, "out", 1);
}

static void expect_name(const char *name, const char *word)
{
    char out[256];
    assert_true(notify_name(name, out, sizeof out));
    assert_string_equal(out, word);
    notify_name_back(out);
    assert_string_equal(out, name);
}

static void names_go_there_and_back(void **state)
{
    (void)state;
    expect_name("listen", "listen");
    expect_name("a:b", "a%3Ab");
    expect_name("50% \xc3\xa9\x7f\n", "50%25%20%C3%A9%7F%0A");
    expect_name("%3A", "%253A");
    char out[8];
    assert_false(notify_name("", out, sizeof out));
    assert_false(notify_name("12345678", out, sizeof out));
    assert_false(notify_name("12345:", out, sizeof out));
    assert_true(notify_name("1234:", out, sizeof out));
    char odd[] = "100%%4x%00%3a%";
    notify_name_back(odd); /* given by others: what is no %XX stays */
    assert_string_equal(odd, "100%%4x%00%3a%");
}

#define TRIAL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRIAL(the_environment_is_cleaned),
        TRIAL(a_watchdog_of_somebody_else_or_without_sense_is_none),
        TRIAL(an_address_that_does_not_fit_is_no_manager),
        TRIAL(each_phase_is_told_once),
        TRIAL(a_status_is_one_line_and_told_when_it_is_new),
        TRIAL(what_a_full_socket_did_not_take_is_said_again),
        TRIAL(a_manager_that_has_gone_is_no_trouble),
        TRIAL(names_go_there_and_back),
    };
    return cmocka_run_group_tests_name("supervisor: notify", tests, NULL, NULL);
}
