#include "link/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct channel *left;
static struct channel *right;

static int setup(void **state)
{
    (void)state;
    int fds[2];
    struct error err;
    if (!channel_pair(fds, &err)) {
        return -1;
    }
    left = channel_create(fds[0], &err);
    right = channel_create(fds[1], &err);
    return left == NULL || right == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    channel_destroy(left);
    channel_destroy(right);
    left = right = NULL;
    return 0;
}

static void send_number(struct channel *channel, uint64_t number)
{
    struct error err;
    struct message message = {.type = MESSAGE_CONFIRM, .confirm = {number}};
    assert_true(channel_send(channel, &message, &err));
}

static void expect_number(struct channel *channel, uint64_t number)
{
    struct error err;
    struct message message;
    assert_int_equal(channel_receive(channel, &message, &err), CHANNEL_GOT);
    assert_int_equal(message.type, MESSAGE_CONFIRM);
    assert_int_equal(message.confirm.generation, number);
}

static void expect_nothing(struct channel *channel, enum channel_result expected)
{
    struct error err;
    struct message message;
    assert_int_equal(channel_receive(channel, &message, &err), expected);
}

static void both_ends_are_closed_on_exec_and_never_block(void **state)
{
    (void)state;
    assert_int_equal(fcntl(channel_fd(left), F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(channel_fd(right), F_GETFD), FD_CLOEXEC);
    assert_true((fcntl(channel_fd(left), F_GETFL) & O_NONBLOCK) != 0);
    expect_nothing(left, CHANNEL_EMPTY);
    expect_nothing(right, CHANNEL_EMPTY);
}

static void a_message_arrives_with_its_bytes(void **state)
{
    (void)state;
    struct error err;
    struct message got;
    struct message sent = {
        .type = MESSAGE_TELL,
        .tell = {.type = 3, .value = -7, .name = bytes_of("n"), .text = {"a\0b", 3}}};
    assert_true(channel_send(left, &sent, &err));
    assert_int_equal(channel_receive(right, &got, &err), CHANNEL_GOT);
    assert_int_equal(got.type, MESSAGE_TELL);
    assert_int_equal(got.tell.value, -7);
    assert_string_equal(got.tell.name.data, "n");
    assert_memory_equal(got.tell.text.data, "a\0b", 4);
    expect_nothing(right, CHANNEL_EMPTY);
}

static void both_ways_go_at_once_and_in_order(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 50; i++) {
        send_number(left, i);
        send_number(right, 1000 + i);
    }
    for (uint64_t i = 0; i < 50; i++) {
        expect_number(right, i);
        expect_number(left, 1000 + i);
    }
}

/* The left end sends what waits when the right one has read all there was. */
static void expect_flushed_number(uint64_t number)
{
    struct pollfd readable = {.fd = channel_fd(right), .events = POLLIN};
    if (poll(&readable, 1, 0) == 0) {
        (void)channel_flush(left);
    }
    expect_number(right, number);
}

static void a_stopped_reader_does_not_block_the_writer(void **state)
{
    (void)state;
    enum {
        MANY = 5000
    };
    for (uint64_t i = 0; i < MANY; i++) {
        send_number(left, i);
    }
    assert_true(channel_flush(left));
    for (uint64_t i = 0; i < MANY; i++) {
        expect_flushed_number(i);
        if (i % 7 == 0) {
            send_number(left, MANY + i / 7); /* behind what waits */
        }
    }
    for (uint64_t i = 0; i <= (MANY - 1) / 7; i++) {
        expect_flushed_number(MANY + i);
    }
    assert_false(channel_flush(left));
    expect_nothing(right, CHANNEL_EMPTY);
}

static void the_largest_message_passes_and_a_larger_one_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct message got;
    size_t most = MESSAGE_SIZE_MAX - 25;
    char *text = malloc(most + 1);
    assert_non_null(text);
    memset(text, 'x', most + 1);
    struct message sent = {.type = MESSAGE_NOTE, .note = {1, {text, most + 1}}};
    assert_false(channel_send(left, &sent, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    sent.note.text.len = most;
    for (int i = 0; i < 5; i++) {
        assert_true(channel_send(left, &sent, &err));
    }
    send_number(left, 1);
    for (int i = 0; i < 5; i++) {
        (void)channel_flush(left);
        assert_int_equal(channel_receive(right, &got, &err), CHANNEL_GOT);
        assert_int_equal(got.note.text.len, most);
        assert_memory_equal(got.note.text.data, text, most);
    }
    (void)channel_flush(left);
    expect_number(right, 1);
    free(text);
}

static void a_packet_that_is_no_message_is_told_and_the_next_one_arrives(void **state)
{
    (void)state;
    struct error err = {0};
    struct message message;
    assert_int_equal(send(channel_fd(left), "garbage", 7, 0), 7);
    assert_int_equal(send(channel_fd(left), "garbage and more of it", 22, 0), 22);
    send_number(left, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(channel_receive(right, &message, &err), CHANNEL_BAD);
        assert_int_equal(err.code, ERROR_FORMAT);
    }
    expect_number(right, 1);
}

static void a_packet_of_no_bytes_is_not_taken_for_the_end(void **state)
{
    (void)state;
    assert_int_equal(send(channel_fd(left), "", 0, 0), 0);
    send_number(left, 7);
    expect_nothing(right, CHANNEL_BAD);
    expect_number(right, 7);
}

static void an_oversize_packet_is_told_and_the_next_one_arrives(void **state)
{
    (void)state;
    struct error err = {0};
    struct message message;
    size_t len = MESSAGE_SIZE_MAX + 1;
    char *bytes = calloc(1, len);
    assert_non_null(bytes);
    bytes[0] = MESSAGE_RELOAD;
    assert_int_equal(send(channel_fd(left), bytes, len, 0), len);
    send_number(left, 1);
    assert_int_equal(channel_receive(right, &message, &err), CHANNEL_BAD);
    assert_int_equal(err.code, ERROR_LIMIT);
    expect_number(right, 1);
    free(bytes);
}

static void what_was_sent_before_the_end_still_arrives(void **state)
{
    (void)state;
    send_number(left, 1);
    send_number(left, 2);
    channel_destroy(left);
    left = NULL;
    expect_number(right, 1);
    expect_number(right, 2);
    expect_nothing(right, CHANNEL_CLOSED);
    expect_nothing(right, CHANNEL_CLOSED);
}

/* The kernel tells such an end as a reset, before the packets that wait. */
static void last_words_arrive_from_a_peer_that_did_not_listen(void **state)
{
    (void)state;
    send_number(left, 1);
    send_number(left, 2);
    send_number(right, 3); /* never read */
    channel_destroy(left);
    left = NULL;
    expect_number(right, 1);
    expect_number(right, 2);
    expect_nothing(right, CHANNEL_CLOSED);
}

static void a_peer_that_is_gone_is_no_error(void **state)
{
    (void)state;
    channel_destroy(right);
    right = NULL;
    for (uint64_t i = 0; i < 10; i++) {
        send_number(left, i);
    }
    assert_false(channel_flush(left));
    expect_nothing(left, CHANNEL_CLOSED);
}

static void what_waits_for_a_peer_that_goes_is_let_go(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        send_number(left, i);
    }
    assert_true(channel_flush(left));
    channel_destroy(right);
    right = NULL;
    assert_false(channel_flush(left));
    send_number(left, 1);
    expect_nothing(left, CHANNEL_CLOSED);
}

static void the_end_takes_what_waits_and_the_descriptor_with_it(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        send_number(left, i);
    }
    int fd = channel_fd(left);
    channel_destroy(left);
    left = NULL;
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    channel_destroy(NULL);
}

#define WITH_A_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_A_PAIR(both_ends_are_closed_on_exec_and_never_block),
        WITH_A_PAIR(a_message_arrives_with_its_bytes),
        WITH_A_PAIR(both_ways_go_at_once_and_in_order),
        WITH_A_PAIR(a_stopped_reader_does_not_block_the_writer),
        WITH_A_PAIR(the_largest_message_passes_and_a_larger_one_is_refused),
        WITH_A_PAIR(a_packet_that_is_no_message_is_told_and_the_next_one_arrives),
        WITH_A_PAIR(a_packet_of_no_bytes_is_not_taken_for_the_end),
        WITH_A_PAIR(an_oversize_packet_is_told_and_the_next_one_arrives),
        WITH_A_PAIR(what_was_sent_before_the_end_still_arrives),
        WITH_A_PAIR(last_words_arrive_from_a_peer_that_did_not_listen),
        WITH_A_PAIR(a_peer_that_is_gone_is_no_error),
        WITH_A_PAIR(what_waits_for_a_peer_that_goes_is_let_go),
        WITH_A_PAIR(the_end_takes_what_waits_and_the_descriptor_with_it),
    };
    return cmocka_run_group_tests_name("link: channel", tests, NULL, NULL);
}
