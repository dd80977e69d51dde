#define _GNU_SOURCE
#include "builder/toolchain.h"

#include "builder/linker.h"
#include "trial.h"

static char path_variable[1024];
static const char *const env[] = {path_variable, "CC=", "CXX=", NULL};

static void program(const char *name)
{
    put(at(name), "#!/bin/sh\n");
    assert_int_equal(chmod(at(name), 0755), 0);
}

static int setup(void **state)
{
    static const char *const names[] = {"cc",      "c++",     "gcc-12", "g++-12", "clang",
                                        "clang++", "tcc",     "my-gcc", "my-g++", "ccache",
                                        "odd",     "ld.gold", "ld.bfd"};
    if (trial_setup(state) != 0) {
        return -1;
    }
    (void)snprintf(path_variable, sizeof path_variable, "PATH=/nowhere:%s", trial_dir);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        program(names[i]);
    }
    return symlink("tcc", at("small")) == 0 && symlink("g++-12", at("new++")) == 0 ? 0 : -1;
}

static const char *chosen(const char *cc, enum language language, const char *const *variables)
{
    static char word[128];
    struct toolchain toolchain;
    struct error err = {0};
    if (!toolchain_choose(&toolchain, cc, language, variables, &err)) {
        (void)snprintf(word, sizeof word, "%.120s", err.text);
    } else {
        (void)snprintf(word, sizeof word, "%s", toolchain.words.words[toolchain.words.count - 1]);
    }
    toolchain_finish(&toolchain);
    return word;
}

static void the_language_of_a_source_is_told_by_its_ending(void **state)
{
    (void)state;
    assert_int_equal(language_of("a.cpp/b.c"), LANGUAGE_C);
    static const char *const cxx[] = {"a.cc", "a.cpp", "a.cxx", "a.c++", "a.C"};
    for (size_t i = 0; i < sizeof cxx / sizeof cxx[0]; i++) {
        assert_int_equal(language_of(cxx[i]), LANGUAGE_CXX);
    }
}

static void of_a_compiler_with_two_names_the_right_one_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *cc;
        enum language language;
        const char *word;
    } rows[] = {
        {NULL, LANGUAGE_C, "cc"},
        {NULL, LANGUAGE_CXX, "c++"},
        {"clang", LANGUAGE_CXX, "clang++"},
        {"clang++", LANGUAGE_C, "clang"},
        {"gcc-12", LANGUAGE_CXX, "g++-12"},
        {"my-gcc", LANGUAGE_CXX, "my-g++"},
        {"ccache clang", LANGUAGE_CXX, "clang++"},
        {"odd", LANGUAGE_CXX, "odd"},
        {"tcc", LANGUAGE_C, "tcc"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(chosen(rows[i].cc, rows[i].language, env), rows[i].word);
    }
    char full[512];
    (void)snprintf(full, sizeof full, "%s/clang", trial_dir);
    assert_string_equal(chosen(full, LANGUAGE_CXX, env), at("clang++"));
}

static void the_environment_names_compilers_for_its_language(void **state)
{
    (void)state;
    const char *const both[] = {path_variable, "CC=clang", "CXX=g++-12", NULL};
    const char *const c_only[] = {path_variable, "CXX=", "CC=clang", NULL};
    assert_string_equal(chosen(NULL, LANGUAGE_C, both), "clang");
    assert_string_equal(chosen(NULL, LANGUAGE_CXX, both), "g++-12");
    assert_string_equal(chosen(NULL, LANGUAGE_CXX, c_only), "clang++");
    assert_string_equal(chosen("gcc-12", LANGUAGE_C, both), "gcc-12");
}

static void kinds_are_told_apart_also_behind_a_link(void **state)
{
    (void)state;
    static const struct {
        const char *cc;
        bool is_tcc, is_gnu, is_clang, is_launched;
    } rows[] = {{"tcc", true, false, false, false},    {"small", true, false, false, false},
                {"clang", false, false, true, false},  {"new++", false, true, false, false},
                {"gcc-12", false, true, false, false}, {"ccache gcc-12", false, true, false, true},
                {"ccache", false, false, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct toolchain toolchain;
        struct error err;
        assert_true(toolchain_choose(&toolchain, rows[i].cc, LANGUAGE_C, env, &err));
        assert_int_equal(toolchain.is_tcc, rows[i].is_tcc);
        assert_int_equal(toolchain.is_gnu, rows[i].is_gnu);
        assert_int_equal(toolchain.is_clang, rows[i].is_clang);
        assert_int_equal(toolchain.is_launched, rows[i].is_launched);
        toolchain_finish(&toolchain);
    }
}

static void a_compiler_that_is_missing_is_named(void **state)
{
    (void)state;
    struct toolchain toolchain;
    struct error err = {0};
    assert_false(toolchain_choose(&toolchain, "nonesuch -m32", LANGUAGE_C, env, &err));
    assert_int_equal(err.code, ERROR_MISSING);
    assert_non_null(strstr(err.text, "nonesuch"));
    toolchain_finish(&toolchain);
    assert_false(toolchain_choose(&toolchain, "  ", LANGUAGE_C, env, &err));
    assert_int_equal(err.code, ERROR_CONFIG);
    toolchain_finish(&toolchain);
    assert_int_equal(mkdir(at("dir"), 0700), 0);
    assert_false(toolchain_choose(&toolchain, "dir", LANGUAGE_C, env, &err));
    toolchain_finish(&toolchain);
}

static void another_program_under_the_name_is_another_compiler(void **state)
{
    (void)state;
    struct toolchain before;
    struct toolchain after;
    struct error err;
    assert_true(toolchain_choose(&before, "odd", LANGUAGE_C, env, &err));
    assert_true(toolchain_choose(&after, "odd", LANGUAGE_C, env, &err));
    assert_true(before.identity == after.identity);
    toolchain_finish(&after);
    put(at("odd"), "#!/bin/sh\nexit 0\n");
    assert_true(toolchain_choose(&after, "odd", LANGUAGE_C, env, &err));
    assert_true(before.identity != after.identity);
    toolchain_finish(&after);
    toolchain_finish(&before);
}

static void linkers_that_are_there_are_tried_the_fastest_first(void **state)
{
    (void)state;
    struct flags names = {0};
    assert_true(linker_candidates(env, &names));
    assert_int_equal(names.count, 2);
    assert_string_equal(names.words[0], "gold");
    assert_string_equal(names.words[1], "bfd");
    flags_finish(&names);
}

static void the_choice_of_a_linker_is_remembered_for_a_compiler(void **state)
{
    (void)state;
    char name[LINKER_NAME_SIZE] = "x";
    assert_false(linker_recall(at("linker"), 1, name));
    linker_remember(at("linker"), 1, "mold");
    linker_remember(at("linker"), 2, "");
    assert_true(linker_recall(at("linker"), 1, name));
    assert_string_equal(name, "mold");
    assert_true(linker_recall(at("linker"), 2, name));
    assert_string_equal(name, "");
    assert_false(linker_recall(at("linker"), 3, name));
    put(at("linker"), "0000000000000001 -Wl,evil\n0000000000000002 \n0000000000000003 a b\n");
    for (uint64_t key = 1; key <= 3; key++) {
        assert_false(linker_recall(at("linker"), key, name));
    }
}

static void a_linker_has_a_plain_name(void **state)
{
    (void)state;
    static const char *const good[] = {"mold", "lld-14", "wild", "bfd"};
    static const char *const bad[] = {"",    "-x",  "a b",
                                      "a/b", "a,b", "a-name-that-is-longer-than-linkers-have"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(linker_is_name(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(linker_is_name(bad[i]));
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, trial_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_of_a_source_is_told_by_its_ending),
        IN_FOLDER(of_a_compiler_with_two_names_the_right_one_is_taken),
        IN_FOLDER(the_environment_names_compilers_for_its_language),
        IN_FOLDER(kinds_are_told_apart_also_behind_a_link),
        IN_FOLDER(a_compiler_that_is_missing_is_named),
        IN_FOLDER(another_program_under_the_name_is_another_compiler),
        IN_FOLDER(linkers_that_are_there_are_tried_the_fastest_first),
        IN_FOLDER(the_choice_of_a_linker_is_remembered_for_a_compiler),
        cmocka_unit_test(a_linker_has_a_plain_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
