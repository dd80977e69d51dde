#define _GNU_SOURCE
#include "supervisor/control.h"

#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

struct trial {
    uv_loop_t loop;
    struct log log;
    int dir_fd;
    struct control *control;
    struct control_call *kept; /* "later" waits here */
    unsigned calls;
};

static struct trial trial;

/* echo: its params; refuse: an error; later: kept; events: subscribes; end: destroys the control.
 */
static bool on_call(void *ctx, const char *method, const cJSON *params, struct control_call *call)
{
    struct trial *t = ctx;
    t->calls++;
    if (strcmp(method, "echo") == 0) {
        control_answer(call, cJSON_Duplicate(params, true));
    } else if (strcmp(method, "refuse") == 0) {
        control_fail(call, CONTROL_REFUSED, "not in this state");
    } else if (strcmp(method, "later") == 0) {
        t->kept = call;
    } else if (strcmp(method, "events") == 0) {
        control_subscribe(call);
    } else if (strcmp(method, "end") == 0) {
        control_answer(call, cJSON_CreateTrue());
        control_destroy(t->control);
        t->control = NULL;
    } else {
        return false;
    }
    return true;
}

static int setup(void **state)
{
    if (trial_setup(state) != 0) {
        return -1;
    }
    trial = (struct trial){.dir_fd = open(trial_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    log_init(&trial.log, LOG_ERROR, true);
    struct error err;
    if (uv_loop_init(&trial.loop) != 0) {
        return -1;
    }
    trial.control = control_create(&trial.loop, &trial.log, trial.dir_fd, on_call, &trial, &err);
    return trial.control == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    control_destroy(trial.control);
    drain(&trial.loop);
    (void)close(trial.dir_fd);
    return trial_teardown(state);
}

/* ---- a client ---- */

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", trial_dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends all of it, turning the loop where the socket is full. */
static void say_bytes(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        } else if (errno == EPIPE) {
            return;
        } else {
            turn(&trial.loop);
        }
    }
}

static void say(int fd, const char *text)
{
    say_bytes(fd, text, strlen(text));
}

struct hearing {
    int fd;
    bool ended;
    struct text text;
};

static bool heard_line(void *ctx)
{
    struct hearing *h = ctx;
    char piece[65536];
    ssize_t got;
    while (!h->ended && (h->text.len == 0 || strchr(text_string(&h->text), '\n') == NULL)) {
        got = recv(h->fd, piece, 1, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            return false;
        }
        if (got <= 0) {
            h->ended = true;
        } else {
            assert_true(text_append(&h->text, piece, (size_t)got));
        }
    }
    return true;
}

/* The next line; NULL when the connection ended. Lives until the next call. */
static const char *hear(int fd)
{
    static char heard[8192];
    struct hearing h = {.fd = fd};
    run_until(&trial.loop, heard_line, &h);
    (void)snprintf(heard, sizeof heard, "%.*s", (int)(h.text.len - (h.text.len > 0)),
                   text_string(&h.text));
    bool line = h.text.len > 0;
    text_finish(&h.text);
    return line ? heard : NULL;
}

static void expect_heard(int fd, const char *text)
{
    const char *line = hear(fd);
    assert_non_null(line);
    assert_string_equal(line, text);
}

static void expect_error(int fd, int code)
{
    char start[64];
    (void)snprintf(start, sizeof start, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,",
                   code);
    const char *line = hear(fd);
    assert_non_null(line);
    assert_memory_equal(line, start, strlen(start));
}

/* The connection serves still. */
static void expect_alive(int fd)
{
    say(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"alive\",\"method\":\"echo\"}\n");
    expect_heard(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"alive\",\"result\":null}");
}

/* ---- tests ---- */

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

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_socket_is_this_users_alone),
        TEST(a_stale_socket_is_replaced_and_a_long_path_is_no_matter),
        TEST(a_request_is_answered_with_its_id),
        TEST(a_line_may_come_in_pieces_and_several_at_once),
        TEST(wrong_lines_are_answered_as_the_standard_says),
        TEST(notifications_are_not_answered),
        TEST(a_batch_is_answered_by_one_array_when_all_is_known),
        TEST(a_line_of_one_megabyte_is_read_and_a_longer_one_hangs_up),
        TEST(subscribers_hear_every_line_after_their_answer),
        TEST(a_subscriber_that_does_not_read_is_dropped),
        TEST(one_client_too_many_is_told),
        TEST(a_client_that_only_stopped_writing_gets_its_answers),
        TEST(an_answer_to_a_client_that_has_gone_is_dropped),
        TEST(ending_fails_what_waits),
        TEST(a_handler_may_end_it),
        TEST(a_handler_may_end_it_in_a_batch),
        TEST(another_user_is_turned_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
