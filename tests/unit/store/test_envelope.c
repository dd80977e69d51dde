#include "store/envelope.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REST_AT 66 /* behind {"hotrun":"snapshot/1","check":"(32 digits)", */

static const char state_text[] =
    "{ \"n\": 9007199254740993, \"s\":\"\\u0000\\u00e9\", \"x\": 1e999 }";

static struct snapshot sample(void)
{
    return (struct snapshot){.generation = 4,
                             .step = 72057594037927935,
                             .time_ns = UINT64_C(1769864072123456789),
                             .len = strlen(state_text),
                             .kind = SNAPSHOT_JSON,
                             .why = SNAPSHOT_EXIT,
                             .state_version = UINT32_MAX,
                             .flags = 3,
                             .module = "game \"2\" \xc3\xa9"};
}

static struct text written(const struct snapshot *snapshot, const void *state)
{
    struct text file = {0};
    struct error err;
    assert_true(envelope_write(&file, snapshot, state, &err));
    return file;
}

/* The bytes at the very end of a page of their own, so that a step behind them is noticed. */
static enum envelope_verdict verdict_of(const char *bytes, size_t len, struct error *err)
{
    struct envelope envelope;
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    enum envelope_verdict verdict = envelope_read(&envelope, copy, len, err);
    envelope_finish(&envelope);
    free(copy);
    return verdict;
}

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
    assert_int_equal(a->generation, b->generation);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->why, b->why);
    assert_int_equal(a->state_version, b->state_version);
    assert_int_equal(a->flags, b->flags);
    assert_string_equal(a->module, b->module);
}

static void a_snapshot_comes_back_as_it_was_byte_for_byte(void **state)
{
    (void)state;
    struct snapshot snapshot = sample();
    struct text file = written(&snapshot, state_text);
    struct envelope envelope;
    struct error err;
    assert_int_equal(envelope_read(&envelope, file.data, file.len, &err), ENVELOPE_WHOLE);
    assert_same(&envelope.snapshot, &snapshot);
    assert_memory_equal(envelope.state, state_text, strlen(state_text));
    assert_int_equal(envelope.snapshot.checksum, hash_bytes(state_text, strlen(state_text)));
    envelope_finish(&envelope);
    text_finish(&file);
}

static void the_file_is_what_the_design_shows(void **state)
{
    (void)state;
    struct snapshot snapshot = {.generation = 4,
                                .step = 81204,
                                .time_ns = UINT64_C(1769864072123456789),
                                .len = 7,
                                .kind = SNAPSHOT_JSON,
                                .why = SNAPSHOT_REQUEST,
                                .state_version = 1,
                                .module = "game"};
    struct text file = written(&snapshot, "{\"x\":1}");
    assert_memory_equal(file.data, "{\"hotrun\":\"snapshot/1\",\"check\":\"", 32);
    assert_string_equal(file.data + REST_AT,
                        "\"module\":\"game\",\"state_version\":1,\"generation\":4,\"step\":81204,"
                        "\"time\":\"2026-01-31T12:54:32.123456789Z\",\"why\":\"request\","
                        "\"kind\":\"json\",\"flags\":0,\"bytes\":7,\"state\":{\"x\":1}}\n");
    text_finish(&file);
}

static void an_image_comes_back_as_it_was(void **state)
{
    (void)state;
    unsigned char image[300];
    for (size_t i = 0; i < sizeof image; i++) {
        image[i] = (unsigned char)(i * 37);
    }
    for (size_t len = 0; len <= sizeof image; len += 100) {
        struct snapshot snapshot = sample();
        snapshot.kind = SNAPSHOT_IMAGE;
        snapshot.len = len;
        struct text file = written(&snapshot, image);
        struct envelope envelope;
        struct error err;
        assert_int_equal(envelope_read(&envelope, file.data, file.len, &err), ENVELOPE_WHOLE);
        assert_same(&envelope.snapshot, &snapshot);
        assert_memory_equal(envelope.state, image, len);
        envelope_finish(&envelope);
        text_finish(&file);
    }
}

static void a_file_that_is_cut_anywhere_is_torn(void **state)
{
    (void)state;
    struct snapshot snapshot = sample();
    struct text file = written(&snapshot, state_text);
    struct error err;
    for (size_t len = 0; len < file.len; len++) {
        assert_int_equal(verdict_of(file.data, len, &err), ENVELOPE_TORN);
        assert_non_null(strstr(err.text, "cut short"));
    }
    text_finish(&file);
}

static void no_flipped_bit_is_accepted(void **state)
{
    (void)state;
    struct snapshot snapshot = sample();
    struct text file = written(&snapshot, state_text);
    struct error err;
    for (size_t bit = 0; bit < file.len * 8; bit++) {
        file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
        enum envelope_verdict verdict = verdict_of(file.data, file.len, &err);
        assert_int_not_equal(verdict, ENVELOPE_WHOLE);
        assert_int_not_equal(verdict, ENVELOPE_UNCHECKED);
        file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
    }
    assert_int_equal(verdict_of(file.data, file.len, &err), ENVELOPE_WHOLE);
    text_finish(&file);
}

static void bytes_behind_a_whole_file_are_damage(void **state)
{
    (void)state;
    struct snapshot snapshot = sample();
    struct text file = written(&snapshot, state_text);
    struct error err;
    assert_true(text_puts(&file, "}\n"));
    assert_int_equal(verdict_of(file.data, file.len, &err), ENVELOPE_DAMAGED);
    text_finish(&file);
}

static void an_edited_file_is_told_how_it_can_be_used(void **state)
{
    (void)state;
    struct snapshot snapshot = sample();
    struct text file = written(&snapshot, state_text);
    struct error err;
    char *digit = strstr(file.data, "4740993");
    *digit = '7';
    assert_int_equal(verdict_of(file.data, file.len, &err), ENVELOPE_DAMAGED);
    assert_non_null(strstr(err.text, "removes its \"check\""));
    text_finish(&file);
}

static void a_file_without_its_check_is_readable_and_may_be_spaced(void **state)
{
    (void)state;
    static const char file[] =
        "{\n  \"hotrun\": \"snapshot/1\",\n  \"module\": \"game\",\n  \"state_version\": 1,\n"
        "  \"generation\": 4,\n  \"step\": 12,\n  \"time\": \"2026-01-31T12:54:32.123456789Z\",\n"
        "  \"why\": \"exit\",\n  \"kind\": \"json\",\n  \"flags\": 0,\n  \"bytes\": 1,\n"
        "  \"state\": {\"n\": 18446744073709551615}\n}\n";
    struct envelope envelope;
    struct error err;
    assert_int_equal(envelope_read(&envelope, file, strlen(file), &err), ENVELOPE_UNCHECKED);
    assert_int_equal(envelope.snapshot.step, 12);
    assert_int_equal(envelope.snapshot.len, strlen("{\"n\": 18446744073709551615}"));
    assert_memory_equal(envelope.state, "{\"n\": 18446744073709551615}", envelope.snapshot.len);
    envelope_finish(&envelope);
    for (size_t len = strlen(file) - 2; len > 0; len--) {
        enum envelope_verdict verdict = verdict_of(file, len, &err);
        assert_int_not_equal(verdict, ENVELOPE_WHOLE);
        assert_int_not_equal(verdict, ENVELOPE_UNCHECKED);
    }
}

static void foreign_and_newer_files_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum envelope_verdict verdict;
    } rows[] = {
        {"", ENVELOPE_TORN},
        {"\x7f"
         "ELF",
         ENVELOPE_FOREIGN},
        {"{}", ENVELOPE_FOREIGN},
        {"[1,2]", ENVELOPE_FOREIGN},
        {"{\"state\":{}}", ENVELOPE_FOREIGN},
        {"{\"hotrun\":\"status/1\"}", ENVELOPE_FOREIGN},
        {"{\"hotrun\":\"snapshot/\",", ENVELOPE_FOREIGN},
        {"{\"hotrun\":\"snapshot/2\",\"anything\":1}\n", ENVELOPE_NEWER},
        {"{\"hotrun\":\"snapshot/10\",\"check\":\"", ENVELOPE_NEWER},
        {"{\"hotrun\":\"snapshot/1\",\"other\":1}\n", ENVELOPE_DAMAGED},
        {"{\"hotrun\":\"snapshot/1\" , \"check\":\"00\",\"module\":\"a\"}\n", ENVELOPE_DAMAGED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err;
        assert_int_equal(verdict_of(rows[i].file, strlen(rows[i].file), &err), rows[i].verdict);
    }
}

/* With a checksum that fits, so that only the reader stands between them and the host. */
static enum envelope_verdict with_fitting_check(const char *rest)
{
    struct hash_stream *stream = hash_stream_create();
    assert_non_null(stream);
    hash_stream_add(stream, rest, strlen(rest));
    struct hash hash = hash_stream_end(stream);
    hash_stream_destroy(stream);
    struct text file = {0};
    struct error err;
    assert_true(text_printf(&file, "{\"hotrun\":\"snapshot/1\",\"check\":\"%016llx%016llx\",%s",
                            (unsigned long long)hash.high, (unsigned long long)hash.low, rest));
    enum envelope_verdict verdict = verdict_of(file.data, file.len, &err);
    text_finish(&file);
    return verdict;
}

#define REST(module, number, time, why, kind, bytes, state)                                        \
    "\"module\":" module ",\"state_version\":" number                                              \
    ",\"generation\":1,\"step\":2,\"time\":\"" time "\",\"why\":\"" why "\",\"kind\":\"" kind      \
    "\",\"flags\":0,\"bytes\":" bytes ",\"state\":" state "}\n"
#define TIME "2026-01-31T12:54:32.123456789Z"

static void nonsense_with_a_fitting_checksum_is_refused(void **state)
{
    (void)state;
    static const char *const rests[] = {
        REST("\"\"", "1", TIME, "exit", "json", "2", "{}"),
        REST("\"a\\u0000b\"", "1", TIME, "exit", "json", "2", "{}"),
        REST("\"\\u0061\"", "1", TIME, "exit", "json", "2", "{}"),
        REST("a", "1", TIME, "exit", "json", "2", "{}"),
        REST("\"a\"", "01", TIME, "exit", "json", "2", "{}"),
        REST("\"a\"", "-1", TIME, "exit", "json", "2", "{}"),
        REST("\"a\"", "4294967296", TIME, "exit", "json", "2", "{}"),
        REST("\"a\"", "99999999999999999999999", TIME, "exit", "json", "2", "{}"),
        REST("\"a\"", "1", "2026-02-30T12:54:32.123456789Z", "exit", "json", "2", "{}"),
        REST("\"a\"", "1", "9999-01-31T12:54:32.123456789Z", "exit", "json", "2", "{}"),
        REST("\"a\"", "1", "1969-01-31T12:54:32.123456789Z", "exit", "json", "2", "{}"),
        REST("\"a\"", "1", "2026-01-31T12:54:32.12345678Z", "exit", "json", "2", "{}"),
        REST("\"a\"", "1", TIME, "whim", "json", "2", "{}"),
        REST("\"a\"", "1", TIME, "exit", "yaml", "2", "{}"),
        REST("\"a\"", "1", TIME, "exit", "json", "3", "{}"),
        REST("\"a\"", "1", TIME, "exit", "json", "2", "{]"),
        REST("\"a\"", "1", TIME, "exit", "json", "0", ""),
        REST("\"a\"", "1", TIME, "exit", "image", "1", "\"Zh==\""),
        REST("\"a\"", "1", TIME, "exit", "image", "1", "1"),
        REST("\"a\"", "1", TIME, "exit", "image", "1", "\"Zg==\" "),
        REST("\"a\"", "1", TIME, "exit", "image", "2", "\"Zg==\""),
    };
    assert_int_equal(with_fitting_check(REST("\"a\"", "1", TIME, "exit", "json", "2", "{}")),
                     ENVELOPE_WHOLE);
    assert_int_equal(with_fitting_check(REST("\"a\"", "1", TIME, "exit", "image", "1", "\"Zg==\"")),
                     ENVELOPE_WHOLE);
    for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
        if (with_fitting_check(rests[i]) == ENVELOPE_WHOLE) {
            fail_msg("accepted: %s", rests[i]);
        }
    }
}

static void a_file_without_its_last_newline_is_torn_whatever_its_checksum_says(void **state)
{
    (void)state;
    char rest[] = REST("\"a\"", "1", TIME, "exit", "json", "2", "{}");
    assert_int_equal(with_fitting_check(rest), ENVELOPE_WHOLE);
    rest[sizeof rest - 2] = '\0';
    assert_int_equal(with_fitting_check(rest), ENVELOPE_TORN);
}

static void the_head_alone_tells_what_a_list_shows(void **state)
{
    (void)state;
    struct snapshot snapshot = sample(), peeked;
    struct text file = written(&snapshot, state_text);
    assert_true(envelope_peek(&peeked, file.data, file.len - 20));
    assert_same(&peeked, &snapshot);
    assert_false(envelope_peek(&peeked, file.data, REST_AT));
    assert_false(envelope_peek(&peeked, "{}", 2));
    text_finish(&file);
}

static void no_head_is_longer_than_it_may_be(void **state)
{
    (void)state;
    struct snapshot snapshot = sample();
    memset(snapshot.module, '\b', sizeof snapshot.module - 1); /* the longest escapes */
    snapshot.generation = UINT64_MAX >> 8;
    struct text file = written(&snapshot, state_text);
    assert_true(file.len - strlen(state_text) <= ENVELOPE_HEAD_MAX);
    assert_true(file.len <= envelope_size_max(strlen(state_text)));
    text_finish(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_comes_back_as_it_was_byte_for_byte),
        cmocka_unit_test(the_file_is_what_the_design_shows),
        cmocka_unit_test(an_image_comes_back_as_it_was),
        cmocka_unit_test(a_file_that_is_cut_anywhere_is_torn),
        cmocka_unit_test(no_flipped_bit_is_accepted),
        cmocka_unit_test(bytes_behind_a_whole_file_are_damage),
        cmocka_unit_test(an_edited_file_is_told_how_it_can_be_used),
        cmocka_unit_test(a_file_without_its_check_is_readable_and_may_be_spaced),
        cmocka_unit_test(foreign_and_newer_files_are_told_apart),
        cmocka_unit_test(nonsense_with_a_fitting_checksum_is_refused),
        cmocka_unit_test(a_file_without_its_last_newline_is_torn_whatever_its_checksum_says),
        cmocka_unit_test(the_head_alone_tells_what_a_list_shows),
        cmocka_unit_test(no_head_is_longer_than_it_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
