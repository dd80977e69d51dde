#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_empty_text_is_an_empty_string(void **state)
{
    (void)state;
    struct text text = {0};
    assert_string_equal(text_string(&text), "");
    assert_true(text_append(&text, NULL, 0));
    assert_string_equal(text_string(&text), "");
    text_finish(&text);
    text_finish(&text);
}

static void what_is_appended_stands_in_order_and_ends_in_a_nul(void **state)
{
    (void)state;
    struct text text = {0};
    assert_true(text_puts(&text, "step "));
    assert_true(text_printf(&text, "%d of %s", 7, "nine"));
    assert_true(text_append(&text, "!?", 1));
    assert_string_equal(text_string(&text), "step 7 of nine!");
    assert_int_equal(text.len, 15);
    text_finish(&text);
}

static void bytes_with_nuls_are_kept(void **state)
{
    (void)state;
    struct text text = {0};
    assert_true(text_append(&text, "a\0b", 3));
    assert_true(text_append(&text, "\0", 1));
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.data, "a\0b\0", 5);
    text_finish(&text);
}

static void it_grows_over_every_size(void **state)
{
    (void)state;
    struct text text = {0};
    for (size_t i = 0; i < 5000; i++) {
        char c = (char)('a' + i % 26);
        assert_true(text_append(&text, &c, 1));
        assert_int_equal(text.len, i + 1);
        assert_int_equal(text.data[text.len], '\0');
    }
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(text.data[i], 'a' + (int)(i % 26));
    }
    assert_true(text_printf(&text, "%*s", 100000, "x"));
    assert_int_equal(text.len, 105000);
    assert_int_equal(text.data[104999], 'x');
    text_finish(&text);
}

static void the_limit_may_be_reached_and_not_crossed(void **state)
{
    (void)state;
    struct text text = {.limit = 5};
    assert_true(text_puts(&text, "abc"));
    assert_true(text_puts(&text, "de"));
    assert_false(text_puts(&text, "f"));
    assert_true(text.failed);
    assert_string_equal(text_string(&text), "abcde");
    text_finish(&text);
    assert_int_equal(text.limit, 5);
}

static void after_a_failure_appends_do_nothing(void **state)
{
    (void)state;
    struct text text = {.limit = 5};
    assert_true(text_puts(&text, "abc"));
    assert_false(text_printf(&text, "%d", 123456));
    assert_false(text_puts(&text, "d"));
    assert_false(text_append(&text, "", 0));
    assert_string_equal(text_string(&text), "abc");
    text_finish(&text);
}

static void a_size_that_overflows_fails_and_keeps_what_was_there(void **state)
{
    (void)state;
    struct text text = {0};
    assert_true(text_puts(&text, "abc"));
    assert_false(text_append(&text, "x", SIZE_MAX));
    assert_string_equal(text_string(&text), "abc");
    text_finish(&text);
}

static void a_cleared_text_is_empty_and_takes_bytes_again(void **state)
{
    (void)state;
    struct text text = {.limit = 3};
    text_clear(&text);
    assert_string_equal(text_string(&text), "");
    assert_false(text_puts(&text, "abcd"));
    text_clear(&text);
    assert_false(text.failed);
    assert_true(text_puts(&text, "abc"));
    const char *data = text.data;
    text_clear(&text);
    assert_string_equal(text_string(&text), "");
    assert_ptr_equal(text.data, data);
    text_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_an_empty_string),
        cmocka_unit_test(what_is_appended_stands_in_order_and_ends_in_a_nul),
        cmocka_unit_test(bytes_with_nuls_are_kept),
        cmocka_unit_test(it_grows_over_every_size),
        cmocka_unit_test(the_limit_may_be_reached_and_not_crossed),
        cmocka_unit_test(after_a_failure_appends_do_nothing),
        cmocka_unit_test(a_size_that_overflows_fails_and_keeps_what_was_there),
        cmocka_unit_test(a_cleared_text_is_empty_and_takes_bytes_again),
    };
    return cmocka_run_group_tests_name("base: text", tests, NULL, NULL);
}
