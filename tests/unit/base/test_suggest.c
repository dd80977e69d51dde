#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {"run", "check", "status", "reload", "quit", "events"};

static const char *near(const char *word)
{
    return suggest(word, words, sizeof words / sizeof words[0]);
}

static void each_kind_of_slip_finds_its_word(void **state)
{
    (void)state;
    assert_string_equal(near("statu"), "status");   /* one left out */
    assert_string_equal(near("statuss"), "status"); /* one too many */
    assert_string_equal(near("stazus"), "status");  /* another */
    assert_string_equal(near("relaod"), "reload");  /* two swapped */
    assert_string_equal(near("qiut"), "quit");
    assert_string_equal(near("rn"), "run");
    assert_string_equal(near("status"), "status");
    assert_string_equal(near("eve"), "events"); /* its beginning */
}

static void a_word_that_means_something_else_finds_none(void **state)
{
    (void)state;
    static const char *const others[] = {"rewind",  "pause", "resume", "rollback",
                                         "history", "new",   "step",   "restore",
                                         "send",    "log",   "x",      ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_null(near(others[i]));
    }
}

static void the_nearest_wins_and_the_first_of_two(void **state)
{
    (void)state;
    static const char *const two[] = {"log.events", "log.level", "log.color"};
    assert_string_equal(suggest("log.levle", two, 3), "log.level");
    static const char *const same[] = {"ab1", "ab2"};
    assert_string_equal(suggest("ab3", same, 2), "ab1");
}

static void a_word_of_any_length_is_taken(void **state)
{
    (void)state;
    char longest[1000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(near(longest));
    const char *itself = longest;
    assert_null(suggest(longest, &itself, 1)); /* words are short: this is none */
    longest[48] = '\0';
    assert_ptr_equal(suggest(longest, &itself, 1), itself);
    assert_null(suggest("a", &itself, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_slip_finds_its_word),
        cmocka_unit_test(a_word_that_means_something_else_finds_none),
        cmocka_unit_test(the_nearest_wins_and_the_first_of_two),
        cmocka_unit_test(a_word_of_any_length_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
