#define _GNU_SOURCE
#include "builder/depfile.h"

#include "trial.h"

static void expect(const char *text, enum depfile_style style, const char *const *files)
{
    struct flags found = {0};
    struct error err;
    size_t count = 0;
    assert_true(depfile_parse(text, style, "/src", &found, &err));
    for (; files[count] != NULL; count++) {
        assert_true(count < found.count);
        assert_string_equal(found.words[count], files[count]);
    }
    assert_int_equal(found.count, count);
    flags_finish(&found);
}

static void a_rule_names_the_files_behind_its_colon(void **state)
{
    (void)state;
    expect("x.o: game.c /usr/include/stdio.h \\\n  inner/./a.h \\\r\n ../b.h game.c\n",
           DEPFILE_MAKE,
           (const char *const[]){"/src/game.c", "/usr/include/stdio.h", "/src/inner/a.h",
                                 "/src/../b.h", NULL});
    expect("x.o y.o : a.c\n\na.h:\n\nb.h:\nz.o: c.c", DEPFILE_MAKE,
           (const char *const[]){"/src/a.c", "/src/c.c", NULL});
    expect("C:x.o: a:b.c\n", DEPFILE_MAKE, (const char *const[]){"/src/a:b.c", NULL});
}

static void escapes_of_make_are_taken_back(void **state)
{
    (void)state;
    expect("x\\ y.o: a\\ b.c c\\#d.h e$$f.h g\\h.h i\\\\\\ j.h k\\\\ l.h\n", DEPFILE_MAKE,
           (const char *const[]){"/src/a b.c", "/src/c#d.h", "/src/e$f.h", "/src/g\\h.h",
                                 "/src/i\\ j.h", "/src/k\\", "/src/l.h", NULL});
}

static void a_list_of_tcc_has_a_file_in_each_line(void **state)
{
    (void)state;
    expect("a b.o: \\\n  a b#$.c \\\n  in c/d.h \\\n  a b#$.c\n", DEPFILE_LINES,
           (const char *const[]){"/src/a b#$.c", "/src/in c/d.h", NULL});
}

static void what_ends_in_its_midst_is_taken_as_far_as_it_goes(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    expect("", DEPFILE_MAKE, none);
    expect("x.o", DEPFILE_MAKE, none);
    expect("x.o:", DEPFILE_MAKE, none);
    expect(":::\\", DEPFILE_MAKE, none);
    expect("x.o: a.c \\", DEPFILE_MAKE, (const char *const[]){"/src/a.c", "/src/\\", NULL});
    expect("x.o: a.c \\\n", DEPFILE_MAKE, (const char *const[]){"/src/a.c", NULL});
    expect("x.o: \\\n", DEPFILE_LINES, none);
    expect("x.o: \\\n \\\n  ", DEPFILE_LINES, none);
}

static void every_cut_of_a_rule_can_be_read(void **state)
{
    (void)state;
    static const char whole[] = "x\\ y.o: a\\ b.c c\\#d.h \\\n  e$$f.h g\\\\\\ h.h\\\n\n\\\\: \\ $";
    for (size_t len = 0; len < sizeof whole; len++) {
        for (int style = 0; style < 2; style++) {
            struct flags found = {0};
            struct error err;
            char *cut = strndup(whole, len); /* its end is watched over */
            assert_non_null(cut);
            assert_true(depfile_parse(cut, (enum depfile_style)style, "/", &found, &err));
            free(cut);
            flags_finish(&found);
        }
    }
}

static void a_missing_file_is_told_as_missing(void **state)
{
    (void)state;
    struct flags found = {0};
    struct error err = {0};
    assert_false(depfile_read(at("none.d"), DEPFILE_MAKE, "/", &found, &err));
    assert_int_equal(err.code, ERROR_MISSING);
    put(at("some.d"), "x: y.c\n");
    assert_true(depfile_read(at("some.d"), DEPFILE_MAKE, "/z", &found, &err));
    assert_string_equal(found.words[0], "/z/y.c");
    flags_finish(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_names_the_files_behind_its_colon),
        cmocka_unit_test(escapes_of_make_are_taken_back),
        cmocka_unit_test(a_list_of_tcc_has_a_file_in_each_line),
        cmocka_unit_test(what_ends_in_its_midst_is_taken_as_far_as_it_goes),
        cmocka_unit_test(every_cut_of_a_rule_can_be_read),
        cmocka_unit_test_setup_teardown(a_missing_file_is_told_as_missing, trial_setup,
                                        trial_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
