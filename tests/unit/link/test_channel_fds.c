#include "link/channel.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct channel *left;
static struct channel *right;
static int pipe_fds[2];
static int open_before;

static int count_open(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static int setup(void **state)
{
    (void)state;
    int fds[2];
    struct error err;
    if (!channel_pair(fds, &err) || pipe(pipe_fds) != 0) {
        return -1;
    }
    left = channel_create(fds[0], &err);
    right = channel_create(fds[1], &err);
    open_before = count_open();
    return left == NULL || right == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    channel_destroy(left);
    channel_destroy(right);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    return 0;
}

static struct message keep(const char *name)
{
    return (struct message){.type = MESSAGE_KEEP, .keep = {.name = bytes_of(name)}};
}

static void send_fd(const char *name, int fd)
{
    struct error err;
    struct message message = keep(name);
    assert_true(channel_send_fd(left, &message, fd, &err));
}

static void expect_keep(const char *name)
{
    struct error err;
    struct message message;
    assert_int_equal(channel_receive(right, &message, &err), CHANNEL_GOT);
    assert_int_equal(message.type, MESSAGE_KEEP);
    assert_string_equal(message.keep.name.data, name);
}

static void expect_empty(void)
{
    struct error err;
    struct message message;
    assert_int_equal(channel_receive(right, &message, &err), CHANNEL_EMPTY);
}

/* Takes what came and shows that it is the pipe's end. */
static void expect_pipe(void)
{
    char byte = 0;
    int fd = channel_take_fd(right);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(close(fd), 0);
    assert_int_equal(channel_take_fd(right), -1);
}

/* As a host that is not ours would send it. */
static void send_raw(const struct message *message, const int *fds, size_t count)
{
    char packet[256];
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(8 * sizeof(int))];
    } rights;
    size_t len = message_encode(message, packet, sizeof packet);
    struct iovec part = {packet, len};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = rights.room,
                            .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    memset(&rights, 0, sizeof rights);
    struct cmsghdr *control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(control), fds, count * sizeof(int));
    assert_int_equal(sendmsg(channel_fd(left), &header, 0), len);
}

static void each_kind_that_has_one_brings_it(void **state)
{
    (void)state;
    static const enum message_type types[] = {MESSAGE_ASK, MESSAGE_EDIT, MESSAGE_LAYOUT};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct error err;
        struct message message = {.type = types[i]};
        assert_true(channel_send_fd(left, &message, pipe_fds[1], &err));
        assert_int_equal(channel_receive(right, &message, &err), CHANNEL_GOT);
        expect_pipe();
    }
}

static void a_descriptor_comes_with_its_message(void **state)
{
    (void)state;
    send_fd("pipe", pipe_fds[1]);
    expect_keep("pipe");
    expect_pipe();
    send_fd("none", -1);
    expect_keep("none");
    assert_int_equal(channel_take_fd(right), -1);
    assert_int_equal(count_open(), open_before);
}

static void one_that_nobody_takes_is_closed(void **state)
{
    (void)state;
    send_fd("pipe", pipe_fds[1]);
    expect_keep("pipe");
    assert_int_equal(count_open(), open_before + 1);
    expect_empty();
    assert_int_equal(count_open(), open_before);
    send_fd("pipe", pipe_fds[1]);
    expect_keep("pipe");
    channel_destroy(right);
    right = NULL;
    assert_int_equal(count_open(), open_before - 1);
}

static void a_message_that_takes_none_brings_none(void **state)
{
    (void)state;
    struct error err;
    struct message got;
    struct message reload = {.type = MESSAGE_RELOAD};
    struct message dropped = keep("gone");
    dropped.keep.dropped = 1;
    send_raw(&reload, &pipe_fds[1], 1);
    send_raw(&dropped, &pipe_fds[1], 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(channel_receive(right, &got, &err), CHANNEL_GOT);
        assert_int_equal(count_open(), open_before);
        assert_int_equal(channel_take_fd(right), -1);
    }
}

static void a_packet_that_is_no_message_brings_none(void **state)
{
    (void)state;
    struct error err;
    struct message got;
    struct message bad = keep("bad");
    char nonsense[] = "nonsense of a packet";
    struct iovec part = {nonsense, 20};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    send_raw(&bad, &pipe_fds[1], 1);
    assert_int_equal(sendmsg(channel_fd(left), &header, 0), 20);
    assert_int_equal(channel_receive(right, &got, &err), CHANNEL_GOT);
    assert_int_equal(channel_receive(right, &got, &err), CHANNEL_BAD);
    assert_int_equal(channel_take_fd(right), -1);
    assert_int_equal(count_open(), open_before);
}

static void the_first_of_several_is_taken_and_the_rest_closed(void **state)
{
    (void)state;
    int many[5] = {pipe_fds[1], 0, 0, 0, 0};
    struct message message = keep("many");
    for (size_t count = 2; count <= 5; count++) {
        send_raw(&message, many, count);
        expect_keep("many");
        assert_int_equal(count_open(), open_before + 1);
        expect_pipe();
        assert_int_equal(count_open(), open_before);
    }
}

static unsigned fill(void)
{
    struct error err;
    struct message reload = {.type = MESSAGE_RELOAD};
    unsigned count = 0;
    do {
        assert_true(channel_send(left, &reload, &err));
        count++;
    } while (!channel_flush(left));
    return count;
}

static void what_waits_has_a_duplicate_of_its_own(void **state)
{
    (void)state;
    struct error err;
    struct message got;
    unsigned before = fill();
    send_fd("late", pipe_fds[1]);
    assert_int_equal(count_open(), open_before + 1);
    (void)close(pipe_fds[1]);
    for (unsigned i = 0; i < before; i++) {
        assert_int_equal(channel_receive(right, &got, &err), CHANNEL_GOT);
        (void)channel_flush(left);
    }
    expect_keep("late");
    expect_pipe();
    assert_int_equal(count_open(), open_before - 1);
    pipe_fds[1] = -1;
}

static void the_end_closes_what_waits(void **state)
{
    (void)state;
    (void)fill();
    send_fd("late", pipe_fds[1]);
    channel_destroy(left);
    left = NULL;
    assert_int_equal(count_open(), open_before - 1);
}

static void one_that_cannot_pass_is_left_out(void **state)
{
    (void)state;
    send_fd("closed", 250);
    expect_keep("closed");
    assert_int_equal(channel_take_fd(right), -1);
    send_fd("pipe", pipe_fds[1]);
    expect_keep("pipe");
    expect_pipe();
}

#define WITH_A_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_A_PAIR(each_kind_that_has_one_brings_it),
        WITH_A_PAIR(a_descriptor_comes_with_its_message),
        WITH_A_PAIR(one_that_nobody_takes_is_closed),
        WITH_A_PAIR(a_message_that_takes_none_brings_none),
        WITH_A_PAIR(a_packet_that_is_no_message_brings_none),
        WITH_A_PAIR(the_first_of_several_is_taken_and_the_rest_closed),
        WITH_A_PAIR(what_waits_has_a_duplicate_of_its_own),
        WITH_A_PAIR(the_end_closes_what_waits),
        WITH_A_PAIR(one_that_cannot_pass_is_left_out),
    };
    return cmocka_run_group_tests_name("link: channel, descriptors", tests, NULL, NULL);
}
