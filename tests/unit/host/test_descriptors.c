#define _GNU_SOURCE /* pipe2 */
#include "host/descriptors.h"

#include <hotrun/hotrun.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static uv_loop_t loop;
static struct descriptors kept;
static struct {
    int calls, events;
    char name[32];
    bool forget; /* the module lets go of it from within */
} told;

static void on_ready(void *ctx, const char *name, int events)
{
    assert_ptr_equal(ctx, &told);
    told.calls++;
    told.events = events;
    (void)snprintf(told.name, sizeof told.name, "%s", name);
    if (told.forget) {
        assert_true(descriptors_keep(&kept, name, -1));
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&told, 0, sizeof told);
    descriptors_init(&kept, &loop, on_ready, &told);
    return uv_loop_init(&loop);
}

static int teardown(void **state)
{
    (void)state;
    descriptors_finish(&kept);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

/* Serves what is ready. Twice: a handle that was just started enters epoll in the first. */
static void turn(void)
{
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* A pipe whose reading end is kept as `name`; returns the writing end. */
static int keep_pipe(const char *name)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_true(descriptors_keep(&kept, name, fds[0]));
    assert_int_equal(descriptors_find(&kept, name), fds[0]);
    return fds[1];
}

static void a_kept_descriptor_is_found_by_its_name(void **state)
{
    (void)state;
    int a = keep_pipe("a");
    int b = keep_pipe("b");
    assert_int_not_equal(descriptors_find(&kept, "a"), descriptors_find(&kept, "b"));
    assert_int_equal(descriptors_find(&kept, "c"), -1);
    assert_int_equal(descriptors_find(&kept, ""), -1);
    int none = keep_pipe("");
    assert_true(is_open(descriptors_find(&kept, "")));
    close(a);
    close(b);
    close(none);
}

static void another_descriptor_takes_the_place_of_the_first(void **state)
{
    (void)state;
    int first_end = keep_pipe("a");
    int other_end = keep_pipe("b");
    int first = descriptors_find(&kept, "a");
    int other = descriptors_find(&kept, "b");
    int second_end = keep_pipe("a");
    assert_false(is_open(first));
    assert_int_equal(descriptors_find(&kept, "b"), other);
    assert_true(is_open(other));
    close(first_end);
    close(other_end);
    close(second_end);
}

static void a_forgotten_descriptor_is_closed(void **state)
{
    (void)state;
    int end = keep_pipe("a");
    int fd = descriptors_find(&kept, "a");
    assert_true(descriptors_keep(&kept, "a", -1));
    assert_int_equal(descriptors_find(&kept, "a"), -1);
    assert_false(is_open(fd));
    assert_true(descriptors_keep(&kept, "a", -1));
    assert_false(descriptors_watch(&kept, "a", HOTRUN_FD_READ));
    close(end);
}

static void a_watched_one_is_told_as_long_as_it_is_ready(void **state)
{
    (void)state;
    char byte;
    int end = keep_pipe("in");
    assert_true(descriptors_watch(&kept, "in", HOTRUN_FD_READ));
    turn();
    assert_int_equal(told.calls, 0);
    assert_int_equal(write(end, "x", 1), 1);
    turn();
    assert_true(told.calls >= 1);
    assert_string_equal(told.name, "in");
    assert_int_equal(told.events, HOTRUN_FD_READ);
    int calls = told.calls;
    turn();
    assert_true(told.calls > calls);
    assert_int_equal(read(descriptors_find(&kept, "in"), &byte, 1), 1);
    calls = told.calls;
    turn();
    assert_int_equal(told.calls, calls);
    close(end);
}

static void a_watch_changes_and_ends(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(descriptors_keep(&kept, "s", pair[0]));
    assert_true(descriptors_watch(&kept, "s", 0));
    assert_true(descriptors_watch(&kept, "s", HOTRUN_FD_WRITE));
    turn();
    assert_int_equal(told.events, HOTRUN_FD_WRITE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_true(descriptors_watch(&kept, "s", HOTRUN_FD_READ | HOTRUN_FD_WRITE));
    turn();
    assert_int_equal(told.events, HOTRUN_FD_READ | HOTRUN_FD_WRITE);
    assert_true(descriptors_watch(&kept, "s", 0));
    int calls = told.calls;
    turn();
    assert_int_equal(told.calls, calls);
    assert_true(descriptors_watch(&kept, "s", HOTRUN_FD_READ));
    turn();
    assert_int_equal(told.events, HOTRUN_FD_READ);
    close(pair[1]);
}

static void the_other_ends_close_is_a_hangup(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(descriptors_keep(&kept, "s", pair[0]));
    assert_true(descriptors_watch(&kept, "s", HOTRUN_FD_READ | HOTRUN_FD_HANGUP));
    turn();
    assert_int_equal(told.calls, 0);
    close(pair[1]);
    turn();
    assert_int_equal(told.events, HOTRUN_FD_READ | HOTRUN_FD_HANGUP);
}

static void a_reader_that_is_gone_is_a_hangup_for_the_writer(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_true(descriptors_keep(&kept, "out", fds[1]));
    assert_true(descriptors_watch(&kept, "out", HOTRUN_FD_HANGUP));
    turn();
    assert_int_equal(told.calls, 0);
    close(fds[0]);
    turn();
    assert_true((told.events & HOTRUN_FD_HANGUP) != 0);
}

static void a_regular_file_cannot_be_watched_and_stays_kept(void **state)
{
    (void)state;
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_true(descriptors_keep(&kept, "file", fd));
    assert_false(descriptors_watch(&kept, "file", HOTRUN_FD_READ));
    assert_int_equal(descriptors_find(&kept, "file"), fd);
    assert_true(is_open(fd));
    assert_false(descriptors_watch(&kept, "none", HOTRUN_FD_READ));
    assert_false(descriptors_watch(&kept, "none", 0));
}

static void the_watch_ends_with_its_descriptor(void **state)
{
    (void)state;
    int end = keep_pipe("in");
    int fd = descriptors_find(&kept, "in");
    assert_int_equal(write(end, "x", 1), 1);
    assert_true(descriptors_watch(&kept, "in", HOTRUN_FD_READ));
    int fresh_end = keep_pipe("in");
    assert_int_equal(write(fresh_end, "x", 1), 1);
    turn();
    assert_int_equal(told.calls, 0);
    assert_false(is_open(fd));
    assert_true(descriptors_watch(&kept, "in", HOTRUN_FD_READ));
    turn();
    assert_true(told.calls > 0);
    close(end);
    close(fresh_end);
}

static void it_may_be_forgotten_from_within_its_own_event(void **state)
{
    (void)state;
    int end = keep_pipe("in");
    int fd = descriptors_find(&kept, "in");
    told.forget = true;
    assert_int_equal(write(end, "x", 1), 1);
    assert_true(descriptors_watch(&kept, "in", HOTRUN_FD_READ));
    turn();
    assert_int_equal(told.calls, 1);
    assert_false(is_open(fd));
    close(end);
}

static void the_end_closes_all_of_them(void **state)
{
    (void)state;
    int ends[3];
    int fds[3];
    for (int i = 0; i < 3; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        ends[i] = keep_pipe(name);
        fds[i] = descriptors_find(&kept, name);
    }
    assert_true(descriptors_watch(&kept, "b", HOTRUN_FD_READ));
    descriptors_finish(&kept);
    turn();
    for (int i = 0; i < 3; i++) {
        assert_false(is_open(fds[i]));
        close(ends[i]);
    }
    descriptors_finish(&kept);
}

#define WITH_A_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_A_LOOP(a_kept_descriptor_is_found_by_its_name),
        WITH_A_LOOP(another_descriptor_takes_the_place_of_the_first),
        WITH_A_LOOP(a_forgotten_descriptor_is_closed),
        WITH_A_LOOP(a_watched_one_is_told_as_long_as_it_is_ready),
        WITH_A_LOOP(a_watch_changes_and_ends),
        WITH_A_LOOP(the_other_ends_close_is_a_hangup),
        WITH_A_LOOP(a_reader_that_is_gone_is_a_hangup_for_the_writer),
        WITH_A_LOOP(a_regular_file_cannot_be_watched_and_stays_kept),
        WITH_A_LOOP(the_watch_ends_with_its_descriptor),
        WITH_A_LOOP(it_may_be_forgotten_from_within_its_own_event),
        WITH_A_LOOP(the_end_closes_all_of_them),
    };
    return cmocka_run_group_tests_name("host: descriptors", tests, NULL, NULL);
}
