/* A terminal that takes what it is given, or does not. */
#define _GNU_SOURCE
#include "terminal/screen.h"

#include "trial.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>

static struct {
    uv_loop_t loop;
    struct screen screen;
    int master, slave;
    struct text seen;
} t;

static int setup(void **state)
{
    struct termios raw;
    (void)state;
    if (openpty(&t.master, &t.slave, NULL, NULL, NULL) != 0 || uv_loop_init(&t.loop) != 0) {
        return -1;
    }
    (void)tcgetattr(t.slave, &raw);
    cfmakeraw(&raw);
    (void)tcsetattr(t.slave, TCSANOW, &raw);
    (void)fcntl(t.master, F_SETFL, O_NONBLOCK);
    t.seen = (struct text){0};
    return screen_open(&t.screen, &t.loop, t.slave) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    screen_close(&t.screen, 0);
    (void)uv_run(&t.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&t.loop);
    close(t.master);
    close(t.slave);
    text_finish(&t.seen);
    return 0;
}

/* Reads what is there. */
static void look(void)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(t.master, bytes, sizeof bytes)) > 0) {
        text_append(&t.seen, bytes, (size_t)got);
    }
}

/* All of it: a terminal hands on some time later, so a mark behind it tells. */
static void look_to_the_end(void)
{
    look();
    assert_int_equal(write(t.slave, "#", 1), 1);
    do {
        struct pollfd master = {.fd = t.master, .events = POLLIN};
        assert_int_equal(poll(&master, 1, 10000), 1);
        look();
    } while (t.seen.data[t.seen.len - 1] != '#');
    t.seen.data[--t.seen.len] = '\0';
}

static void say(const char *text)
{
    screen_put(&t.screen, text, strlen(text));
}

/* Writes numbered lines until the terminal takes no more, and some behind that. */
static unsigned fill(void)
{
    unsigned count = 0;
    char line[32];
    for (unsigned behind = 0; behind < 100; behind += !screen_is_free(&t.screen)) {
        (void)snprintf(line, sizeof line, "line %u\n", count++);
        say(line);
    }
    return count;
}

static void expect_lines(unsigned count)
{
    const char *at = text_string(&t.seen);
    for (unsigned i = 0; i < count; i++) {
        char line[32];
        int len = snprintf(line, sizeof line, "line %u\n", i);
        assert_memory_equal(at, line, (size_t)len);
        at += len;
    }
}

static void what_is_written_is_there_at_once(void **state)
{
    (void)state;
    say("hello\n");
    assert_true(screen_is_free(&t.screen));
    look_to_the_end();
    assert_string_equal(text_string(&t.seen), "hello\n");
}

static void a_full_terminal_gets_the_rest_later_and_in_order(void **state)
{
    (void)state;
    unsigned count = fill();
    assert_false(screen_is_free(&t.screen));
    while (!screen_is_free(&t.screen)) {
        look();
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    }
    look_to_the_end();
    expect_lines(count);
    assert_int_equal(t.screen.left_out, 0);
}

static void what_finds_no_room_is_left_out_whole_and_told(void **state)
{
    (void)state;
    unsigned count = fill();
    char line[32];
    while (t.screen.left_out == 0) {
        (void)snprintf(line, sizeof line, "line %u\n", count++);
        say(line);
    }
    while (!screen_is_free(&t.screen)) {
        look();
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    }
    look_to_the_end();
    expect_lines(count - 1);
    assert_non_null(strstr(t.seen.data, "(lines left out, as nobody took them: 1)\n"));
}

static void a_terminal_that_has_gone_is_no_trouble(void **state)
{
    (void)state;
    (void)fill();
    close(t.master);
    while (!screen_is_free(&t.screen)) {
        (void)uv_run(&t.loop, UV_RUN_ONCE);
    }
    say("nobody hears that\n");
    assert_true(screen_is_free(&t.screen));
}

static void a_pipe_that_is_not_read_holds_nobody_up(void **state)
{
    (void)state;
    struct screen other;
    int ends[2];
    char bytes[65536];
    size_t got = 0, put = 0;
    assert_int_equal(pipe(ends), 0);
    assert_true(screen_open(&other, &t.loop, ends[1]));
    assert_false(other.terminal);
    for (; other.waits.len < 100000; put += 5) {
        screen_put(&other, "line\n", 5);
    }
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    while (got < put) {
        got += (size_t)read(ends[0], bytes, sizeof bytes);
        (void)uv_run(&t.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(got, put);
    assert_true(screen_is_free(&other));
    screen_close(&other, 0);
    (void)uv_run(&t.loop, UV_RUN_NOWAIT);
    close(ends[0]);
    close(ends[1]);
}

struct slow {
    int fd;
    size_t got;
};

static void read_all(void *ctx)
{
    struct slow *slow = ctx;
    char bytes[4096];
    ssize_t got;
    while ((got = read(slow->fd, bytes, sizeof bytes)) > 0) {
        slow->got += (size_t)got;
    }
}

static void what_waits_in_the_end_goes_as_long_as_it_is_taken(void **state)
{
    (void)state;
    struct screen other;
    int ends[2];
    size_t put = 0;
    uv_thread_t reader;
    assert_int_equal(pipe(ends), 0);
    assert_true(screen_open(&other, &t.loop, ends[1]));
    close(ends[1]);
    for (; other.waits.len < 500000; put += 5) {
        screen_put(&other, "line\n", 5);
    }
    struct slow slow = {.fd = ends[0]};
    assert_int_equal(uv_thread_create(&reader, read_all, &slow), 0);
    screen_close(&other, 10000);
    (void)uv_run(&t.loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_thread_join(&reader), 0);
    assert_int_equal(slow.got, put);
    close(ends[0]);
}

static void a_file_is_no_terminal(void **state)
{
    (void)state;
    struct screen other;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_false(screen_open(&other, &t.loop, fd));
    screen_put(&other, "x", 1);
    screen_close(&other, 0);
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_there_at_once),
        TEST(a_full_terminal_gets_the_rest_later_and_in_order),
        TEST(what_finds_no_room_is_left_out_whole_and_told),
        TEST(a_terminal_that_has_gone_is_no_trouble),
        TEST(a_pipe_that_is_not_read_holds_nobody_up),
        TEST(what_waits_in_the_end_goes_as_long_as_it_is_taken),
        TEST(a_file_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
