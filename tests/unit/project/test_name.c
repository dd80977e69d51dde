#define _GNU_SOURCE /* nftw */
#include "project/name.h"

#include "trial.h"

static char name[PROJECT_NAME_MOST + 1];
static struct error err;

static void an_identifier_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const words[] = {"game", "Game2", "a", "my_game", "library", "lib", "z9"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_true(project_name(words[i], name, &err));
        assert_string_equal(name, words[i]);
    }
}

static void other_letters_are_one_gap_within_and_nothing_at_the_ends(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"my game", "my_game"},
        {"my -.- game", "my_game"},
        {"-game-", "game"},
        {"__game__", "game"},
        {".hidden.d", "hidden_d"},
        {"it's \"so\" $HOME", "it_s_so_HOME"},
        {"new\nline", "new_line"},
        {"stra\xc3\x9f"
         "e",
         "stra_e"},
        {"\xe6\x97\xa5"
         "a",
         "a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(project_name(rows[i][0], name, &err));
        assert_string_equal(name, rows[i][1]);
    }
}

static void a_digit_in_front_gets_something_before_it(void **state)
{
    (void)state;
    assert_true(project_name("3d", name, &err));
    assert_string_equal(name, "_3d");
    assert_true(project_name("--2048", name, &err));
    assert_string_equal(name, "_2048");
}

static void a_word_of_a_language_gets_something_behind_it(void **state)
{
    (void)state;
    static const char *const words[] = {
        "Self",     "auto",   "bool",    "break",    "case",     "char",     "const",    "continue",
        "crate",    "class",  "default", "do",       "double",   "else",     "enum",     "extern",
        "float",    "fn",     "for",     "goto",     "if",       "impl",     "inline",   "int",
        "long",     "match",  "new",     "register", "restrict", "return",   "short",    "signed",
        "sizeof",   "static", "struct",  "switch",   "typedef",  "union",    "unsigned", "void",
        "volatile", "while",  "xor_eq",  "yield",    "co_await", "template", "try",      "this"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%s_", words[i]);
        assert_true(project_name(words[i], name, &err));
        assert_string_equal(name, expected);
    }
}

static void what_has_no_letter_is_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"",         "-", "___", "\xe6\x97\xa5\xe6\x9c\xac",
                                        "\xff\xfe", " "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_false(project_name(words[i], name, &err));
        assert_int_equal(err.code, ERROR_USAGE);
        assert_non_null(strstr(err.text, "a letter a to z or a digit"));
    }
}

static void a_name_is_never_cut_and_never_longer_than_its_room(void **state)
{
    (void)state;
    char word[300] = {0};
    for (size_t len = 1; len < sizeof word - 1; len++) {
        memset(word, 'n', len);
        bool ok = project_name(word, name, &err);
        assert_int_equal(ok, len < PROJECT_NAME_MOST);
        if (ok) {
            assert_string_equal(name, word);
        } else {
            assert_int_equal(err.code, ERROR_USAGE);
        }
    }
    memset(word, '9', sizeof word - 1);
    assert_false(project_name(word, name, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identifier_stays_as_it_is),
        cmocka_unit_test(other_letters_are_one_gap_within_and_nothing_at_the_ends),
        cmocka_unit_test(a_digit_in_front_gets_something_before_it),
        cmocka_unit_test(a_word_of_a_language_gets_something_behind_it),
        cmocka_unit_test(what_has_no_letter_is_refused),
        cmocka_unit_test(a_name_is_never_cut_and_never_longer_than_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
