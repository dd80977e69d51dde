#include "builder/flags.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h> /* cmocka needs these before it */

#include <cmocka.h>

/* The words, with "|" between them. */
static const char *joined(const struct flags *flags)
{
    static char text[1024];
    text[0] = '\0';
    for (size_t i = 0; i < flags->count; i++) {
        (void)strncat(text, i > 0 ? "|" : "", sizeof text - strlen(text) - 1);
        (void)strncat(text, flags->words[i], sizeof text - strlen(text) - 1);
    }
    return text;
}

static void words_are_split_as_a_shell_splits_them(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", ""},
        {" \t\n ", ""},
        {"-O2 -g", "-O2|-g"},
        {"  -O2\t-g\n", "-O2|-g"},
        {"-DX='a b'", "-DX=a b"},
        {"\"-DX=a b\" y", "-DX=a b|y"},
        {"'' \"\"", "|"},
        {"-DQ=\\\"x\\\"", "-DQ=\"x\""},
        {"-DQ='\"x\"'", "-DQ=\"x\""},
        {"\"a\\\"b\\\\c\\d\"", "a\"b\\c\\d"},
        {"'a\\b'", "a\\b"},
        {"a\\ b c", "a b|c"},
        {"-Wl,-rpath,'$ORIGIN'", "-Wl,-rpath,$ORIGIN"},
        {"-Wl,-rpath,$ORIGIN", "-Wl,-rpath,$ORIGIN"},
        {"a;b|c&d>e#f", "a;b|c&d>e#f"},
        {"'`x` $(y)'", "`x` $(y)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flags flags = {0};
        struct error err;
        assert_true(flags_split(&flags, rows[i].text, "cflags", &err));
        assert_string_equal(joined(&flags), rows[i].words);
        flags_finish(&flags);
    }
}

static void what_cannot_be_split_is_refused_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"-O2 'open", "cflags: a quote is not closed at \"'open\""},
        {"\"open", "a quote is not closed"},
        {"x\\", "backslash"},
        {"$(pkg-config --cflags x)", "nothing is run"},
        {"`date`", "nothing is run"},
        {"\"$(date)\"", "nothing is run"},
        {"\"`date`\"", "nothing is run"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flags flags = {0};
        struct error err = {0};
        assert_false(flags_split(&flags, rows[i].text, "cflags", &err));
        assert_int_equal(err.code, ERROR_CONFIG);
        assert_non_null(strstr(err.text, rows[i].says));
        flags_finish(&flags);
    }
}

static void lines_are_options_and_their_folders_start_at_the_file(void **state)
{
    (void)state;
    struct flags flags = {0};
    struct error err;
    assert_true(flags_lines(&flags,
                            "-Iinclude\r\n\n  -O2  \n# a comment\n-I\ninner/deep\n-I/abs\n-DX=a b\n"
                            "-isystem\nsys\n-Lout\n-include\npre.h\n-I",
                            "/here", &err));
    assert_string_equal(joined(&flags), "-I/here/include|-O2|-I|/here/inner/deep|-I/abs|-DX=a b|"
                                        "-isystem|/here/sys|-L/here/out|-include|/here/pre.h|-I");
    struct flags folders = {0};
    assert_true(flags_include_folders(&flags, &folders));
    assert_string_equal(joined(&folders), "/here/include|/here/inner/deep|/abs|/here/sys");
    flags_finish(&folders);
    flags_finish(&flags);
}

static void other_words_have_another_hash(void **state)
{
    (void)state;
    static const char *const lists[][3] = {{NULL},           {"", NULL},       {"ab", NULL},
                                           {"a", "b", NULL}, {"b", "a", NULL}, {"a b", NULL}};
    uint64_t hashes[sizeof lists / sizeof lists[0]];
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct flags flags = {0};
        for (size_t w = 0; lists[i][w] != NULL; w++) {
            assert_true(flags_add(&flags, lists[i][w]));
        }
        hashes[i] = flags_hash(&flags);
        for (size_t other = 0; other < i; other++) {
            assert_true(hashes[i] != hashes[other]);
        }
        flags_finish(&flags);
    }
}

static void a_word_that_is_there_is_not_added_again(void **state)
{
    (void)state;
    struct flags flags = {0};
    struct flags more = {0};
    assert_true(flags_add_new(&flags, "a") && flags_add_new(&flags, "a"));
    assert_true(flags_addf(&more, "%s%d", "b", 1) && flags_add(&more, "a"));
    assert_true(flags_add_all_new(&flags, &more));
    assert_string_equal(joined(&flags), "a|b1");
    assert_null(flags_argv(&flags)[2]);
    assert_true(flags_add(&flags, "Z") && flags_add(&flags, "a") && flags_add(&flags, "b1"));
    flags_sort(&flags);
    assert_string_equal(joined(&flags), "Z|a|b1");
    flags_clear(&flags);
    flags_sort(&flags);
    assert_null(flags_argv(&flags)[0]);
    flags_finish(&flags);
    assert_null(flags_argv(&flags)[0]);
    flags_finish(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_as_a_shell_splits_them),
        cmocka_unit_test(what_cannot_be_split_is_refused_with_the_place),
        cmocka_unit_test(lines_are_options_and_their_folders_start_at_the_file),
        cmocka_unit_test(other_words_have_another_hash),
        cmocka_unit_test(a_word_that_is_there_is_not_added_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
