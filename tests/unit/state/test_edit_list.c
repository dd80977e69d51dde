#include "state/edit_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct edit samples[] = {{EDIT_SET, "/a/b", "1.50", 4},
                                      {EDIT_REMOVE, "", NULL, 0},
                                      {EDIT_MERGE, "/c", "{\"x\":null}", 10}};
#define SAMPLES (sizeof samples / sizeof samples[0])

static struct text packed(void)
{
    struct text bytes = {0};
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_true(edit_list_add(&bytes, &samples[i]));
    }
    return bytes;
}

/* In memory of just its size, so that a read past it is seen. */
static bool is_read(const char *bytes, size_t len)
{
    size_t count;
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    struct edit *edits = edit_list_read(copy, len, &count);
    for (size_t i = 0; edits != NULL && i < count; i++) {
        assert_in_range(strlen(edits[i].pointer), 0, len);
        assert_true(edits[i].value == NULL || strlen(edits[i].value) <= len);
    }
    bool read = edits != NULL;
    free(edits);
    free(copy);
    return read;
}

static void what_was_added_is_read_in_its_order(void **state)
{
    (void)state;
    size_t count;
    struct text bytes = packed();
    struct edit *edits = edit_list_read(bytes.data, bytes.len, &count);
    assert_non_null(edits);
    assert_int_equal(count, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_int_equal(edits[i].kind, samples[i].kind);
        assert_string_equal(edits[i].pointer, samples[i].pointer);
        assert_int_equal(edits[i].value_len, samples[i].value_len);
        assert_int_equal(edits[i].value == NULL, samples[i].value == NULL);
        if (samples[i].value != NULL) {
            assert_string_equal(edits[i].value, samples[i].value);
        }
    }
    free(edits);
    text_finish(&bytes);
}

static void nothing_is_no_list(void **state)
{
    (void)state;
    size_t count;
    assert_null(edit_list_read("", 0, &count));
}

static void a_list_that_is_cut_is_refused_or_shorter(void **state)
{
    (void)state;
    struct text bytes = packed();
    size_t whole = 0;
    for (size_t len = 0; len <= bytes.len; len++) {
        whole += is_read(bytes.data, len);
    }
    assert_int_equal(whole, SAMPLES); /* behind each edit */
    text_finish(&bytes);
}

static void no_byte_leads_outside(void **state)
{
    (void)state;
    struct text bytes = packed();
    for (size_t at = 0; at < bytes.len * 8; at++) {
        bytes.data[at / 8] = (char)(bytes.data[at / 8] ^ 1 << at % 8);
        (void)is_read(bytes.data, bytes.len);
        bytes.data[at / 8] = (char)(bytes.data[at / 8] ^ 1 << at % 8);
    }
    assert_true(is_read(bytes.data, bytes.len));
    text_finish(&bytes);
}

static void too_many_are_refused(void **state)
{
    (void)state;
    struct text bytes = {0};
    for (size_t i = 0; i < EDIT_LIST_MOST; i++) {
        assert_true(edit_list_add(&bytes, &samples[1]));
    }
    assert_true(is_read(bytes.data, bytes.len));
    assert_true(edit_list_add(&bytes, &samples[1]));
    assert_false(is_read(bytes.data, bytes.len));
    text_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_read_in_its_order),
        cmocka_unit_test(nothing_is_no_list),
        cmocka_unit_test(a_list_that_is_cut_is_refused_or_shorter),
        cmocka_unit_test(no_byte_leads_outside),
        cmocka_unit_test(too_many_are_refused),
    };
    return cmocka_run_group_tests_name("state: edit list", tests, NULL, NULL);
}
