#define _GNU_SOURCE
#include "builder/directive.h"

#include "trial.h"

static bool parse(struct directive *directive, const char *text, struct error *err)
{
    *directive = (struct directive){0};
    return directive_parse(directive, text, strlen(text), "game.c", err);
}

static void a_comment_says_how_its_source_is_built(void **state)
{
    (void)state;
    struct directive directive;
    struct error err;
    assert_true(parse(&directive,
                      "/* A game. */\n"
                      "  //  hotrun: cflags=\"-O2 -DNAME='a b'\" libs=-lz cc='ccache gcc'\n"
                      "/* hotrun: pkg_config=\"sdl2 libpng\" linker=mold */ int x;\n"
                      "// hotrun:\n"
                      "//hotrun: libs=-lq linker=gold\n",
                      &err));
    assert_int_equal(directive.cflags.count, 2);
    assert_string_equal(directive.cflags.words[1], "-DNAME=a b");
    assert_int_equal(directive.libs.count, 2);
    assert_string_equal(directive.libs.words[1], "-lq");
    assert_int_equal(directive.packages.count, 2);
    assert_string_equal(directive.cc, "ccache gcc");
    assert_string_equal(directive.linker, "mold");
    directive_finish(&directive);
}

static void other_lines_say_nothing(void **state)
{
    (void)state;
    struct directive directive;
    struct error err;
    assert_true(parse(&directive,
                      "int hotrun; // hotrun: cflags=x\n"
                      "/ / hotrun: nonsense\n"
                      "// see hotrun: nonsense\n"
                      "# hotrun: nonsense\n"
                      "// hotrunner: nonsense\n"
                      "//\n/",
                      &err));
    assert_null(directive.cc);
    assert_int_equal(directive.cflags.count, 0);
    directive_finish(&directive);
}

static void what_is_not_known_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"\n\n// hotrun: cflag=-O2\n", "game.c:3: expected cflags=, libs="},
        {"// hotrun: this is a remark\n", "game.c:1: expected"},
        {"// hotrun: cflags='-O2\n", "game.c:1: a quote is not closed"},
        {"// hotrun: cflags=\"-D'X\"\n", "game.c:1: a quote is not closed"},
        {"// hotrun: =x\n", "found \"=x\""},
        {"// hotrun: libs=`date`", "game.c:1: no shell"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct directive directive;
        struct error err = {0};
        assert_false(parse(&directive, rows[i].text, &err));
        assert_int_equal(err.code, ERROR_CONFIG);
        assert_non_null(strstr(err.text, rows[i].says));
        directive_finish(&directive);
    }
}

static void only_the_first_lines_are_looked_at(void **state)
{
    (void)state;
    char text[1024] = "";
    struct directive directive;
    struct error err;
    for (int line = 1; line < DIRECTIVE_LINES; line++) {
        (void)strncat(text, "\n", sizeof text - strlen(text) - 1);
    }
    (void)strncat(text, "// hotrun: libs=-lz\n// hotrun: nonsense\n",
                  sizeof text - strlen(text) - 1);
    assert_true(parse(&directive, text, &err));
    assert_int_equal(directive.libs.count, 1);
    directive_finish(&directive);
}

static void what_is_no_source_is_told(void **state)
{
    (void)state;
    struct directive directive = {0};
    struct error err = {0};
    assert_false(directive_read(&directive, at("none.c"), "none.c", &err));
    assert_int_equal(err.code, ERROR_MISSING);
    assert_string_equal(err.text, "none.c is not there");
    assert_int_equal(mkdir(at("folder.c"), 0700), 0);
    assert_false(directive_read(&directive, at("folder.c"), "folder.c", &err));
    assert_non_null(strstr(err.text, "found a folder"));
    assert_int_equal(mkfifo(at("fifo.c"), 0600), 0);
    assert_false(directive_read(&directive, at("fifo.c"), "fifo.c", &err));
    put(at("good.c"), "// hotrun: libs=-lz");
    assert_true(directive_read(&directive, at("good.c"), "good.c", &err));
    assert_string_equal(directive.libs.words[0], "-lz");
    directive_finish(&directive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comment_says_how_its_source_is_built),
        cmocka_unit_test(other_lines_say_nothing),
        cmocka_unit_test(what_is_not_known_is_told_with_its_line),
        cmocka_unit_test(only_the_first_lines_are_looked_at),
        cmocka_unit_test_setup_teardown(what_is_no_source_is_told, trial_setup, trial_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
