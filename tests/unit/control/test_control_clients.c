/* Who may connect, how many, and clients that are slow or go away. */
#define _GNU_SOURCE
#include "control_trial.h"

#include <signal.h>
#include <sys/wait.h>

static void the_socket_is_this_users_alone(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(lstat(at("control.sock"), &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    control_destroy(trial.control);
    trial.control = NULL;
    assert_int_equal(lstat(at("control.sock"), &st), -1);
}

static void a_stale_socket_is_replaced_and_a_long_path_is_no_matter(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(mkdir(at(name), 0700), 0);
    int dir_fd = open(at(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char old[300];
    (void)snprintf(old, sizeof old, "%s/control.sock", name);
    put(at(old), "stale");
    struct error err;
    struct control *control =
        control_create(&trial.loop, &trial.log, dir_fd, on_call, &trial, &err);
    assert_non_null(control);
    struct stat st;
    assert_int_equal(lstat(at(old), &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    control_destroy(control);
    (void)close(dir_fd);
    assert_null(control_create(&trial.loop, &trial.log, dir_fd, on_call, &trial, &err));
    assert_non_null(strstr(err.text, "control.sock"));
}

static void another_user_is_turned_away(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root can be somebody else */
    }
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(chmod(trial_dir, 0755), 0);
    assert_int_equal(chmod(at("control.sock"), 0666), 0);
    pid_t child = fork();
    if (child == 0) {
        if (setuid(12345) != 0) {
            _exit(2);
        }
        int fd = dial();
        char byte;
        _exit(write(fds[1], "+", 1) == 1 && recv(fd, &byte, 1, 0) == 0 ? 0 : 1);
    }
    char byte;
    assert_int_equal(read(fds[0], &byte, 1), 1);
    turn(&trial.loop);
    turn(&trial.loop);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void one_client_too_many_is_told(void **state)
{
    (void)state;
    int fds[32];
    for (size_t i = 0; i < 32; i++) {
        fds[i] = dial();
        expect_alive(fds[i]);
    }
    int fd = dial();
    expect_error(fd, CONTROL_REFUSED);
    assert_null(hear(fd));
    (void)close(fd);
    (void)close(fds[0]);
    expect_alive(fds[1]); /* the one that left was noticed before */
    fd = dial();
    expect_alive(fd);
    (void)close(fd);
    for (size_t i = 1; i < 32; i++) {
        (void)close(fds[i]);
    }
}

static bool never_more(void *ctx)
{
    char piece[65536];
    ssize_t got;
    while ((got = recv(*(int *)ctx, piece, sizeof piece, MSG_DONTWAIT)) > 0) {
    }
    return got == 0 || errno == ECONNRESET;
}

static void a_subscriber_that_does_not_read_is_dropped(void **state)
{
    (void)state;
    int slow = dial(), good = dial();
    say(slow, "{\"jsonrpc\":\"2.0\",\"method\":\"events\"}\n");
    expect_alive(good);
    static char event[10002];
    memset(event, 'x', sizeof event - 1);
    event[0] = event[10000] = '"';
    for (int i = 0; i < 300; i++) { /* 3 MB */
        control_publish(trial.control, event);
        turn(&trial.loop);
    }
    run_until(&trial.loop, never_more, &slow);
    expect_alive(good);
    (void)close(slow);
    (void)close(good);
}

struct drinking {
    int fd;
    size_t bytes, lines;
};

static bool drank_three(void *ctx)
{
    struct drinking *drinking = ctx;
    static char piece[1 << 20];
    ssize_t got;
    while (drinking->lines < 3 &&
           (got = recv(drinking->fd, piece, sizeof piece, MSG_DONTWAIT)) > 0) {
        drinking->bytes += (size_t)got;
        for (ssize_t i = 0; i < got; i++) {
            drinking->lines += piece[i] == '\n';
        }
    }
    return drinking->lines == 3;
}

static void a_client_gets_no_more_until_it_has_read_a_large_answer(void **state)
{
    (void)state;
    int slow = dial(), good = dial();
    static const char request[] = "{\"jsonrpc\":\"2.0\",\"method\":\"large\",\"id\":1}\n";
    for (int i = 0; i < 3; i++) {
        say(slow, request);
    }
    expect_alive(good);
    expect_alive(good);
    assert_int_equal(trial.calls, 3); /* one of them, and those of the other client */
    struct drinking drinking = {.fd = slow};
    run_until(&trial.loop, drank_three, &drinking);
    assert_int_equal(trial.calls, 5);
    assert_int_equal(drinking.bytes, 3 * (LARGE + strlen("{\"jsonrpc\":\"2.0\",\"id\":1,"
                                                         "\"result\":}\n")));
    expect_alive(slow);
    (void)close(slow);
    (void)close(good);
}

static void a_client_gets_no_more_while_a_large_answer_is_made(void **state)
{
    (void)state;
    int fd = dial(), good = dial();
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"large later\",\"id\":1}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":2}\n");
    expect_alive(good);
    expect_alive(good);
    assert_int_equal(trial.calls, 3);
    control_answer_text(trial.kept, "[1.50,\n2]", 9);
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[1.50, 2]}");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}");
    say(fd, "[{\"jsonrpc\":\"2.0\",\"method\":\"large\",\"id\":3}]\n");
    assert_non_null(strstr(hear(fd), "not in a batch"));
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"large later\",\"id\":4}\n");
    expect_alive(good);
    (void)close(fd); /* it does not wait for its answer */
    expect_alive(good);
    control_answer_text(trial.kept, "1", 1);
    expect_alive(good);
    (void)close(good);
}

static void answer_with(char *text, size_t len, int fd)
{
    trial.kept = NULL;
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"large later\",\"id\":1}\n");
    while (trial.kept == NULL) {
        turn(&trial.loop);
    }
    control_answer_text(trial.kept, text, len);
}

static void what_clients_leave_unread_is_bounded_in_sum(void **state)
{
    (void)state;
    const size_t len = (size_t)64 << 20;
    int slow[5], good = dial();
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '1', len);
    for (size_t i = 0; i < 5; i++) {
        slow[i] = dial();
        answer_with(text, len, slow[i]);
    }
    answer_with(text, len, good);
    assert_non_null(strstr(hear(good), "MB of answers unread: try again"));
    answer_with(text, 3, good); /* what is small is always answered */
    expect_heard(good, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":111}");
    for (size_t i = 0; i < 5; i++) {
        (void)close(slow[i]);
    }
    expect_alive(good);
    answer_with(text, ((size_t)1 << 20) + 1, good);
    char start[48] = "";
    assert_int_equal(recv(good, start, sizeof start - 1, 0), sizeof start - 1);
    assert_non_null(strstr(start, "\"result\":1111"));
    (void)close(good);
    free(text);
}

static void a_client_that_only_stopped_writing_gets_its_answers(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":1}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":2}"); /* no newline */
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}");
    control_answer(trial.kept, cJSON_CreateTrue());
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}");
    assert_null(hear(fd));
    (void)close(fd);
}

static bool has_kept(void *ctx)
{
    (void)ctx;
    return trial.kept != NULL;
}

static void an_answer_to_a_client_that_has_gone_is_dropped(void **state)
{
    (void)state;
    int fd = dial(), other = dial();
    say(fd, "[{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":1}]\n");
    run_until(&trial.loop, has_kept, NULL);
    (void)close(fd);
    expect_alive(other);
    control_subscribe(trial.kept);
    control_publish(trial.control, "{}");
    expect_alive(other);
    (void)close(other);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_socket_is_this_users_alone),
        TEST(a_stale_socket_is_replaced_and_a_long_path_is_no_matter),
        TEST(another_user_is_turned_away),
        TEST(one_client_too_many_is_told),
        TEST(a_subscriber_that_does_not_read_is_dropped),
        TEST(a_client_gets_no_more_until_it_has_read_a_large_answer),
        TEST(a_client_gets_no_more_while_a_large_answer_is_made),
        TEST(what_clients_leave_unread_is_bounded_in_sum),
        TEST(a_client_that_only_stopped_writing_gets_its_answers),
        TEST(an_answer_to_a_client_that_has_gone_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
