#include "builder/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct transcript kept;

static void say(const char *bytes)
{
    transcript_add(&kept, bytes, strlen(bytes));
}

/* What is kept. One lives at a time. */
static const char *heard(size_t part)
{
    static struct text text;
    text_finish(&text);
    transcript_read(&kept, part, &text);
    assert_false(text.failed);
    return text_string(&text);
}

static int begin(void **state)
{
    (void)state;
    transcript_clear(&kept);
    return 0;
}

static int end(void **state)
{
    (void)state;
    transcript_clear(&kept);
    (void)heard(0);
    return 0;
}

static void what_is_short_is_kept_whole(void **state)
{
    (void)state;
    assert_string_equal(heard(TRANSCRIPT_PART), "");
    say("one\ntwo");
    assert_string_equal(heard(TRANSCRIPT_PART), "one\ntwo");
    say(" more\n\n\tthree\n");
    assert_string_equal(heard(TRANSCRIPT_PART), "one\ntwo more\n\n\tthree\n");
    transcript_clear(&kept);
    say("four");
    assert_string_equal(heard(TRANSCRIPT_PART), "four");
}

static void colours_and_titles_are_left_out(void **state)
{
    static const char coloured[] = "\033[01m\033[Kgame.c:1:\033[m\033[K \033[38;5;9mred\033[0m "
                                   "\033]0;title\007a\033]8;;file://x\033\\link\033]8;;\033\\ "
                                   "\033(B\033=\033Pq\033\\z\n";
    (void)state;
    say(coloured);
    assert_string_equal(heard(TRANSCRIPT_PART), "game.c:1: red alink z\n");
    transcript_clear(&kept);
    for (size_t i = 0; i < sizeof coloured - 1; i++) { /* however it is cut */
        transcript_add(&kept, coloured + i, 1);
    }
    assert_string_equal(heard(TRANSCRIPT_PART), "game.c:1: red alink z\n");
}

static void a_sequence_that_is_cut_off_ends_with_its_line(void **state)
{
    (void)state;
    say("a\033[31\nb\033]0;title\nc\033\nd\n");
    assert_string_equal(heard(TRANSCRIPT_PART), "a\nb\nc\nd\n");
}

static void what_is_written_over_is_gone(void **state)
{
    (void)state;
    say("\r[1/2] one\033[K\r[2/2] two\033[K");
    assert_string_equal(heard(TRANSCRIPT_PART), "[2/2] two");
    say("\r");
    assert_string_equal(heard(TRANSCRIPT_PART), "[2/2] two");
    say("\nend\b\bo\n");
    assert_string_equal(heard(TRANSCRIPT_PART), "[2/2] two\neo\n");
}

static void what_is_wiped_is_gone(void **state)
{
    (void)state;
    say("Building 1/3\r\033[K   Compiling\nBuilding 2/3\r\033[K\nBuilding 3/3\r\033[0mend\n");
    assert_string_equal(heard(TRANSCRIPT_PART), "   Compiling\n\nend\n");
}

static void control_bytes_are_left_out(void **state)
{
    (void)state;
    transcript_add(&kept,
                   "a\0b\x01\x7f\xc2\x9b"
                   "c\xc3\xa9\n",
                   11);
    assert_string_equal(heard(TRANSCRIPT_PART), "abc\xc3\xa9\n");
}

static void both_ends_of_what_is_long_are_kept(void **state)
{
    char line[32];
    char last[64] = "";
    unsigned long long out = 0;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(line, sizeof line, "line %06d\n", i);
        say(line);
    }
    const char *text = heard(1000);
    assert_true(strlen(text) < 2100);
    assert_int_equal(strncmp(text, "line 000000\nline 000001\n", 24), 0);
    const char *gap = strstr(text, "... ");
    assert_non_null(gap);
    assert_int_equal(gap[-1], '\n');
    assert_int_equal(sscanf(gap, "... %llu bytes left out ...\n%63[^\n]", &out, last), 2);
    assert_int_equal(strlen(last), strlen("line 000000"));
    assert_string_equal(text + strlen(text) - 12, "line 099999\n");
    size_t gap_len = strcspn(gap, "\n") + 1;
    assert_int_equal(out + strlen(text) - gap_len, 1200000);
    assert_true(strlen(heard(TRANSCRIPT_PART)) > 2 * TRANSCRIPT_PART - 100);
}

static void one_long_line_is_cut_between_characters(void **state)
{
    (void)state;
    for (int i = 0; i < 50000; i++) {
        say("\xe2\x82\xac");
    }
    for (size_t part = 1000; part < 1004; part++) {
        const char *text = heard(part);
        const char *gap = strstr(text, "\n... ");
        assert_non_null(gap);
        assert_int_equal((gap - text) % 3, 0);
        assert_int_equal((unsigned char)strchr(gap + 1, '\n')[1], 0xe2);
        assert_true(gap - text > 990);
    }
}

static void exactly_what_fits_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * TRANSCRIPT_PART; i++) {
        say(i % 64 == 63 ? "\n" : "x");
    }
    assert_int_equal(strlen(heard(TRANSCRIPT_PART)), 2 * TRANSCRIPT_PART);
    assert_null(strstr(heard(TRANSCRIPT_PART), "left out"));
    say("x\n");
    assert_non_null(strstr(heard(TRANSCRIPT_PART), "left out"));
}

int main(void)
{
#define ROW(function) cmocka_unit_test_setup_teardown(function, begin, end)
    const struct CMUnitTest tests[] = {
        ROW(what_is_short_is_kept_whole),
        ROW(colours_and_titles_are_left_out),
        ROW(a_sequence_that_is_cut_off_ends_with_its_line),
        ROW(what_is_written_over_is_gone),
        ROW(what_is_wiped_is_gone),
        ROW(control_bytes_are_left_out),
        ROW(both_ends_of_what_is_long_are_kept),
        ROW(one_long_line_is_cut_between_characters),
        ROW(exactly_what_fits_is_whole),
    };
    return cmocka_run_group_tests_name("transcript", tests, NULL, NULL);
}
