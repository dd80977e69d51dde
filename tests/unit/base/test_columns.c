/* Text in a limited number of columns. */
#include "base/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *from, size_t most, const char *text, size_t columns)
{
    struct text out = {0};
    assert_int_equal(columns_put(&out, from, most), columns);
    assert_string_equal(text_string(&out), text);
    text_finish(&out);
}

static void what_fits_is_left_alone(void **state)
{
    (void)state;
    expect("", 5, "", 0);
    expect("game", 4, "game", 4);
    expect("game", 80, "game", 4);
}

static void what_does_not_fit_ends_in_points(void **state)
{
    (void)state;
    expect("platformer", 8, "platf...", 8);
    expect("platformer", 3, "...", 3);
    expect("platformer", 2, "pl", 2);
    expect("platformer", 0, "", 0);
}

static void characters_are_counted_and_never_cut(void **state)
{
    (void)state;
    expect("M\xc3\xbchle", 5, "M\xc3\xbchle", 5);
    expect("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4, "\xc3\xbc...", 4);
    /* two columns each */
    expect("\xe6\xb8\xb8\xe6\x88\x8f", 4, "\xe6\xb8\xb8\xe6\x88\x8f", 4);
    expect("\xe6\xb8\xb8\xe6\x88\x8f\xe6\xb8\xb8", 4, "...", 3);
    expect("\xe6\xb8\xb8\xe6\x88\x8f\xe6\xb8\xb8", 5, "\xe6\xb8\xb8...", 5);
    expect("\xf0\x9f\x8e\xae!", 3, "\xf0\x9f\x8e\xae!", 3);
    /* a mark on the letter before it */
    expect("e\xcc\x81t\xc3\xa9", 3, "e\xcc\x81t\xc3\xa9", 3);
}

static void what_a_terminal_would_obey_is_not_sent(void **state)
{
    (void)state;
    expect("a\033[2Jb", 20, "a?[2Jb", 6);
    expect("\t\n\r\177", 20, "????", 4);
    expect("\xc2\x9b"
           "1m",
           20, "?1m", 3); /* CSI as one character */
    expect("\xe2\x80\xae"
           "abc",
           20, "?abc", 4); /* turns the order around */
}

static void bytes_that_are_no_utf8_are_shown_as_such(void **state)
{
    (void)state;
    expect("\xff\x80g", 20, "??g", 3);
    expect("\xc3", 20, "?", 1);
    expect("\xe6\xb8", 20, "??", 2);
    expect("\xed\xa0\x80", 20, "???", 3);      /* a surrogate */
    expect("\xc0\xaf", 20, "??", 2);           /* overlong */
    expect("\xf4\x90\x80\x80", 20, "????", 4); /* above U+10FFFF */
    expect("\xf8\x88\x80\x80\x80", 20, "?????", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_left_alone),
        cmocka_unit_test(what_does_not_fit_ends_in_points),
        cmocka_unit_test(characters_are_counted_and_never_cut),
        cmocka_unit_test(what_a_terminal_would_obey_is_not_sent),
        cmocka_unit_test(bytes_that_are_no_utf8_are_shown_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
