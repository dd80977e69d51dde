#include "state/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy without a byte behind it: AddressSanitizer sees each read beyond the end. */
static bool accepts(const char *text, size_t len)
{
    char *exact = malloc(len == 0 ? 1 : len);
    assert_non_null(exact);
    memcpy(exact, text, len);
    bool ok = accept_json(exact, len);
    free(exact);
    return ok;
}

/* `part` at each place of a string, followed by none to many bytes and cut there. */
static void judge_at_each_place(const char *part, bool good)
{
    size_t len = strlen(part);
    for (size_t before = 0; before < 20; before++) {
        for (size_t behind = 0; behind < 20; behind++) {
            char text[64];
            memset(text, 'x', sizeof text);
            size_t total = 1 + before + len + behind + 1;
            text[0] = text[total - 1] = '"';
            memcpy(text + 1 + before, part, len);
            if (accepts(text, total) != good) {
                fail_msg("\"%s\" behind %zu bytes and before %zu", part, before, behind);
            }
            assert_false(accepts(text, total - 1));
        }
    }
}

static void a_character_is_judged_alike_at_each_place_of_a_string(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "\x7F",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "\xC3\xA4\xE4\xB8\xAD\xF0\x9F\x98\x80\xC3\xA4",
        "\\n",
        "\\u00e4",
        "\\ud83d\\ude00",
        "\xC3\xA4\\\"\xC3\xA4",
    };
    static const char *const bad[] = {
        "\x80",
        "\xC3",
        "\xC3\xC3\xA4",
        "\xC3\xA4\x80",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x9F\xBF",
        "\xE4\xB8",
        "\xE4\xB8\xAD\x80",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x9F\x98",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80",
        "\xFF",
        "\x1F",
        "\xC3\xA4\n",
        "\\x",
        "\\ud83d",
        "\\ude00",
        "\\ud83d\\u0041",
        "\\u12g4",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        judge_at_each_place(good[i], true);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        judge_at_each_place(bad[i], false);
    }
}

/* The digits of a number of any length, before a sign of the grammar or before the end. */
static void numbers_of_any_length_are_taken_whole(void **state)
{
    (void)state;
    static const char *const good[] = {"", "-", "0.", "-0.", "1e", "1E+", "1.5e-", "0.5e"};
    static const char *const bad[] = {"0", "-0", "00", "--", "+", "1..", ".", "1ee", "1e+-", "1.e"};
    char text[64];
    for (size_t digits = 1; digits < 30; digits++) {
        for (size_t i = 0; i < sizeof good / sizeof *good + sizeof bad / sizeof *bad; i++) {
            bool ok = i < sizeof good / sizeof *good;
            const char *start = ok ? good[i] : bad[i - sizeof good / sizeof *good];
            size_t len = strlen(start);
            text[0] = '[';
            memcpy(text + 1, start, len);
            memset(text + 1 + len, '7', digits);
            memcpy(text + 1 + len + digits, ",1]", 3);
            assert_true(accepts(text, len + digits + 4) == ok);
            assert_true(accepts(text + 1, len + digits) == ok);
        }
    }
}

static void white_space_of_any_length_is_skipped_and_nothing_else(void **state)
{
    (void)state;
    char text[64];
    for (size_t spaces = 0; spaces < 40; spaces++) {
        memset(text, ' ', sizeof text);
        text[0] = '[';
        text[1 + spaces] = ']';
        assert_true(accepts(text, spaces + 2));
        assert_true(accepts(text, sizeof text));
        assert_false(accepts(text, 1 + spaces));
        for (size_t at = 1; at <= spaces; at++) {
            text[at] = '\n';
            assert_true(accepts(text, spaces + 2));
            text[at] = '\f';
            assert_false(accepts(text, spaces + 2));
            text[at] = '\0';
            assert_false(accepts(text, spaces + 2));
            text[at] = ' ';
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_character_is_judged_alike_at_each_place_of_a_string),
        cmocka_unit_test(numbers_of_any_length_are_taken_whole),
        cmocka_unit_test(white_space_of_any_length_is_skipped_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
