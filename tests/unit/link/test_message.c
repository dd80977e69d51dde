#include "link/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

/* One message of each type, with no field that is 0. */
static const struct message samples[] = {
    {.type = MESSAGE_SETUP,
     .setup = {1, 2, 3, 4, 5, 6, 7, 8, 62.5, 10, 11, 12, 13, 14, 15, 16, 17, TEXT("{\"a\": 1}"),
               TEXT("a\0b c\0")}},
    {.type = MESSAGE_LOAD,
     .load = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, TEXT("/run/x.so"), TEXT("x.so"), TEXT("x"),
              TEXT("SIGSEGV"), TEXT("why"), TEXT("facts")}},
    {.type = MESSAGE_CANCEL, .cancel = {1}},
    {.type = MESSAGE_CONFIRM, .confirm = {2}},
    {.type = MESSAGE_TELL, .tell = {1, -2, TEXT("name"), TEXT("text")}},
    {.type = MESSAGE_SNAPSHOT, .snapshot = {UINT64_MAX}},
    {.type = MESSAGE_STOP, .stop = {3}},
    {.type = MESSAGE_PAUSE, .pause = {1}},
    {.type = MESSAGE_STEPS, .steps = {7}},
    {.type = MESSAGE_SEND, .send = {1, TEXT("spawn"), TEXT("{\"n\": 3}")}},
    {.type = MESSAGE_ASK, .ask = {2, TEXT("/player/x")}},
    {.type = MESSAGE_EDIT, .edit = {6}},
    {.type = MESSAGE_LAYOUT, .layout = {6, 7}},
    {.type = MESSAGE_LOG, .log = {4}},
    {.type = MESSAGE_RATE, .rate = {1, 0.1}},
    {.type = MESSAGE_KEEP, .keep = {1, TEXT("listen")}},
    {.type = MESSAGE_READY, .ready = {4}},
    {.type = MESSAGE_ACCEPTED,
     .accepted =
         {1,
          2,
          3,
          4,
          5,
          6,
          7,
          8,
          9,
          10,
          11,
          12,
          13,
          14,
          15,
          16,
          17,
          18,
          19,
          UINT64_MAX,
          TEXT("mod"),
          TEXT("a\0b"),
          TEXT("c\0d"),
          TEXT("/x: int to float"),
          TEXT("/y: 300 became 255"),
          TEXT("/w: 0.1 was rounded to 0.125"),
          TEXT("/z: a pointer"),
          TEXT("/x: y\0/z: w"),
          TEXT("n")}},
    {.type = MESSAGE_REJECTED, .rejected = {1, 2, 3, 4, TEXT("undefined symbol")}},
    {.type = MESSAGE_DEFERRED, .deferred = {5}},
    {.type = MESSAGE_CLOSED, .closed = {1, 2, 3, TEXT("it stays")}},
    {.type = MESSAGE_PUBLISHED, .published = {1, 2, 3, 4, 5, 6, TEXT("why")}},
    {.type = MESSAGE_RELOAD},
    {.type = MESSAGE_REPLY, .reply = {1, 1, 1, 1, TEXT("[1.50]")}},
    {.type = MESSAGE_LEAVING},
    {.type = MESSAGE_NOTE, .note = {1, TEXT("a note")}},
    {.type = MESSAGE_CHECKED,
     .checked = {1, 2, 3, 4, 5, 6, 7, 8, TEXT("m"), TEXT("step"), TEXT("s\n"), TEXT("r")}},
};

#define SAMPLES (sizeof samples / sizeof samples[0])

#define SIZE_OF(member) sizeof(((struct message *)NULL)->member)
static const size_t sizes[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_SETUP] = SIZE_OF(setup),       [MESSAGE_LOAD] = SIZE_OF(load),
    [MESSAGE_CANCEL] = SIZE_OF(cancel),     [MESSAGE_CONFIRM] = SIZE_OF(confirm),
    [MESSAGE_TELL] = SIZE_OF(tell),         [MESSAGE_SNAPSHOT] = SIZE_OF(snapshot),
    [MESSAGE_STOP] = SIZE_OF(stop),         [MESSAGE_PAUSE] = SIZE_OF(pause),
    [MESSAGE_STEPS] = SIZE_OF(steps),       [MESSAGE_KEEP] = SIZE_OF(keep),
    [MESSAGE_READY] = SIZE_OF(ready),       [MESSAGE_ACCEPTED] = SIZE_OF(accepted),
    [MESSAGE_REJECTED] = SIZE_OF(rejected), [MESSAGE_DEFERRED] = SIZE_OF(deferred),
    [MESSAGE_CLOSED] = SIZE_OF(closed),     [MESSAGE_PUBLISHED] = SIZE_OF(published),
    [MESSAGE_RATE] = SIZE_OF(rate),         [MESSAGE_NOTE] = SIZE_OF(note),
    [MESSAGE_CHECKED] = SIZE_OF(checked),   [MESSAGE_SEND] = SIZE_OF(send),
    [MESSAGE_LAYOUT] = SIZE_OF(layout),     [MESSAGE_ASK] = SIZE_OF(ask),
    [MESSAGE_EDIT] = SIZE_OF(edit),         [MESSAGE_LOG] = SIZE_OF(log),
    [MESSAGE_REPLY] = SIZE_OF(reply)};

static char packet[MESSAGE_SIZE_MAX];

static size_t encode(const struct message *message)
{
    size_t len = message_encode(message, packet, sizeof packet);
    assert_true(len > 0);
    return len;
}

/* The packet in memory of just its size, so that a read past it is seen. Caller frees. */
static char *exact(const void *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return copy;
}

static void refuse(const void *bytes, size_t len)
{
    struct message message;
    struct error err = {0};
    char *copy = exact(bytes, len);
    assert_false(message_decode(&message, copy, len, &err));
    assert_int_equal(err.code, ERROR_FORMAT);
    assert_true(err.text[0] != '\0');
    free(copy);
}

static uint64_t word_of(const struct message *message, size_t at)
{
    uint64_t word;
    memcpy(&word, (const char *)&message->setup + at, sizeof word);
    return word;
}

/* Word by word; a word that differs must be a pointer to the same bytes in the packet. */
static void expect_equal(const struct message *sent, const struct message *got, const char *in,
                         size_t len)
{
    assert_int_equal(got->type, sent->type);
    for (size_t at = 0; at < sizes[sent->type]; at += 8) {
        assert_true(word_of(sent, at) != 0);
        if (word_of(sent, at) != word_of(got, at)) {
            struct bytes was;
            struct bytes is;
            assert_true(at + sizeof was <= sizes[sent->type]);
            memcpy(&was, (const char *)&sent->setup + at, sizeof was);
            memcpy(&is, (const char *)&got->setup + at, sizeof is);
            assert_int_equal(is.len, was.len);
            assert_in_range((uintptr_t)is.data, (uintptr_t)in, (uintptr_t)in + len - is.len - 1);
            assert_memory_equal(is.data, was.data, was.len);
            assert_int_equal(is.data[is.len], '\0');
            at += 8;
        }
    }
}

static void there_is_a_sample_of_each_type(void **state)
{
    (void)state;
    assert_int_equal(SAMPLES, MESSAGE_TYPE_COUNT - 1);
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_int_equal(samples[i].type, i + 1);
    }
}

static void every_field_of_every_type_arrives(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct message got;
        struct error err;
        size_t len = encode(&samples[i]);
        char *copy = exact(packet, len);
        memset(&got, 0xa5, sizeof got);
        assert_true(message_decode(&got, copy, len, &err));
        expect_equal(&samples[i], &got, copy, len);
        free(copy);
    }
}

static void empty_bytes_arrive_as_empty_strings(void **state)
{
    (void)state;
    struct error err;
    struct message got;
    struct message sent = {.type = MESSAGE_TELL,
                           .tell = {.name = bytes_of(NULL), .text = {NULL, 0}}};
    size_t len = encode(&sent);
    assert_true(message_decode(&got, packet, len, &err));
    assert_int_equal(got.tell.name.len, 0);
    assert_string_equal(got.tell.name.data, "");
    assert_string_equal(got.tell.text.data, "");
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t len = encode(&samples[i]);
        for (size_t cut = 0; cut < len; cut++) {
            refuse(packet, cut);
        }
    }
}

static void a_byte_too_many_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t len = encode(&samples[i]);
        packet[len] = '\0';
        refuse(packet, len + 1);
    }
}

static void bytes_without_their_nul_are_refused(void **state)
{
    (void)state;
    static const struct message tell = {.type = MESSAGE_TELL,
                                        .tell = {1, 2, TEXT("name"), TEXT("text")}};
    size_t len = encode(&tell);
    size_t first = 8 + 16 + 8 + 4;
    assert_int_equal(packet[first], '\0');
    packet[first] = 'x';
    refuse(packet, len);
    packet[first] = '\0';
    packet[len - 1] = 'x';
    refuse(packet, len);
}

static void a_length_that_leads_outside_is_refused(void **state)
{
    (void)state;
    static const struct message note = {.type = MESSAGE_NOTE, .note = {1, TEXT("a note")}};
    static const uint64_t lengths[] = {7,
                                       8,
                                       1 << 20,
                                       UINT32_MAX,
                                       INT64_MAX,
                                       UINT64_MAX,
                                       UINT64_MAX - 1,
                                       UINT64_MAX - 23,
                                       UINT64_MAX - 24,
                                       UINT64_MAX - 25};
    size_t len = encode(&note);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memcpy(packet + 16, &lengths[i], 8);
        refuse(packet, len);
    }
    uint64_t shorter = 5;
    memcpy(packet + 16, &shorter, 8);
    refuse(packet, len);
}

static void an_unknown_type_is_refused(void **state)
{
    (void)state;
    static const uint64_t types[] = {0, MESSAGE_TYPE_COUNT, 255, (uint64_t)1 << 32 | 1, UINT64_MAX};
    char bytes[64] = "";
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        memcpy(bytes, &types[i], 8);
        refuse(bytes, 8);
        refuse(bytes, sizeof bytes);
    }
}

/* Nothing is accepted that would not be written in just the same way. */
static void a_flipped_byte_is_refused_or_is_another_message(void **state)
{
    (void)state;
    static char again[MESSAGE_SIZE_MAX];
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t len = encode(&samples[i]);
        for (size_t at = 0; at < len * 8; at++) {
            struct message got;
            struct error err;
            packet[at / 8] = (char)(packet[at / 8] ^ 1 << at % 8);
            char *copy = exact(packet, len);
            if (message_decode(&got, copy, len, &err)) {
                assert_int_equal(message_encode(&got, again, sizeof again), len);
                assert_memory_equal(again, copy, len);
            }
            free(copy);
            packet[at / 8] = (char)(packet[at / 8] ^ 1 << at % 8);
        }
    }
}

static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t len = encode(&samples[i]);
        for (size_t size = 0; size < len; size++) {
            char *room = malloc(size > 0 ? size : 1);
            assert_non_null(room);
            assert_int_equal(message_encode(&samples[i], room, size), 0);
            free(room);
        }
        char *room = malloc(len);
        assert_non_null(room);
        assert_int_equal(message_encode(&samples[i], room, len), len);
        assert_memory_equal(room, packet, len);
        free(room);
    }
}

static void the_largest_message_fits_and_one_byte_more_does_not(void **state)
{
    (void)state;
    struct error err;
    struct message got;
    size_t most = MESSAGE_SIZE_MAX - 8 - 8 - 8 - 1;
    char *text = malloc(most + 1);
    assert_non_null(text);
    memset(text, 'x', most + 1);
    struct message sent = {.type = MESSAGE_NOTE, .note = {1, {text, most}}};
    assert_int_equal(encode(&sent), MESSAGE_SIZE_MAX);
    assert_true(message_decode(&got, packet, MESSAGE_SIZE_MAX, &err));
    assert_int_equal(got.note.text.len, most);
    sent.note.text.len = most + 1;
    assert_int_equal(message_encode(&sent, packet, sizeof packet), 0);
    sent.note.text.len = SIZE_MAX;
    assert_int_equal(message_encode(&sent, packet, sizeof packet), 0);
    free(text);
}

static void stages_and_ways_have_words(void **state)
{
    (void)state;
    static const char *const stages[] = {"?",      "file",      "defer", "load",
                                         "table",  "serialize", "init",  "deserialize",
                                         "cancel", "migrate",   "edit",  "?"};
    static const char *const ways[] = {"?", "json", "in-place", "migrated", "reset", "new", "?"};
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        assert_string_equal(swap_stage_name((enum swap_stage)i), stages[i]);
    }
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_string_equal(state_how_name((enum state_how)i), ways[i]);
    }
    assert_string_equal(swap_stage_name((enum swap_stage)INT32_MAX), "?");
    assert_string_equal(state_how_name((enum state_how)INT32_MAX), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_a_sample_of_each_type),
        cmocka_unit_test(every_field_of_every_type_arrives),
        cmocka_unit_test(empty_bytes_arrive_as_empty_strings),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_byte_too_many_is_refused),
        cmocka_unit_test(bytes_without_their_nul_are_refused),
        cmocka_unit_test(a_length_that_leads_outside_is_refused),
        cmocka_unit_test(an_unknown_type_is_refused),
        cmocka_unit_test(a_flipped_byte_is_refused_or_is_another_message),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(the_largest_message_fits_and_one_byte_more_does_not),
        cmocka_unit_test(stages_and_ways_have_words),
    };
    return cmocka_run_group_tests_name("link: message", tests, NULL, NULL);
}
