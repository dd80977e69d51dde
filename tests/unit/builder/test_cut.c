#include "builder/cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Each part of `text` up to a '|' is whole; cut anywhere else, it is not. */
static void expect_cuts(const char *text)
{
    char bytes[256];
    size_t len = 0, whole = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|') {
            whole = len;
            assert_int_equal(cut_whole(bytes, len), len);
        } else {
            bytes[len++] = *at;
            bool last = at[1] == '|' || at[1] == '\0';
            if (!last) {
                assert_int_equal(cut_whole(bytes, len), whole);
            }
        }
    }
    assert_int_equal(cut_whole(bytes, len), len);
}

static void text_can_be_cut_anywhere(void **state)
{
    (void)state;
    assert_int_equal(cut_whole("", 0), 0);
    expect_cuts("a|b|\n|\t|\r|c|\x07|");
}

static void a_character_is_not_cut(void **state)
{
    (void)state;
    expect_cuts("\xC3\xA9|x|\xE2\x82\xAC|\xF0\x9F\x98\x80|y");
}

static void an_escape_sequence_is_not_cut(void **state)
{
    (void)state;
    expect_cuts("a|\033[1;31m|b|\033[?25l|\033(B|\0337|\033M|\033[m|\033[K");
    expect_cuts("\033]0;title\x07|a|\033]8;;file:///x\033\\|l|\033]8;;\033\\|\033Pq#0\033\\|b");
}

static void what_is_broken_holds_nothing_back(void **state)
{
    (void)state;
    expect_cuts("\xC3\n|\xE2\x82x|\xA9|\xFFz|");
    expect_cuts("\033[3\n|\033]title\n|\033\033[m|\033[1\033[m|");
}

static void a_sequence_without_an_end_is_let_go(void **state)
{
    (void)state;
    char bytes[CUT_REST_MOST + 2] = "a\033]";
    memset(bytes + 3, 'x', sizeof bytes - 3);
    assert_int_equal(cut_whole(bytes, CUT_REST_MOST), 1);
    assert_int_equal(cut_whole(bytes, CUT_REST_MOST + 1), CUT_REST_MOST + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_can_be_cut_anywhere),
        cmocka_unit_test(a_character_is_not_cut),
        cmocka_unit_test(an_escape_sequence_is_not_cut),
        cmocka_unit_test(what_is_broken_holds_nothing_back),
        cmocka_unit_test(a_sequence_without_an_end_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
