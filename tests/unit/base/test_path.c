#define _GNU_SOURCE /* get_current_dir_name */
#include "base/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Compares and frees. */
static void expect(char *path, const char *expected)
{
    assert_non_null(path);
    assert_string_equal(path, expected);
    free(path);
}

static void a_name_is_joined_to_its_folder(void **state)
{
    (void)state;
    expect(path_join("a", "b"), "a/b");
    expect(path_join("a/", "b"), "a/b");
    expect(path_join("/", "b"), "/b");
    expect(path_join("a", "b/c"), "a/b/c");
    expect(path_join("a", "../b"), "a/../b");
}

static void an_absolute_name_needs_no_folder(void **state)
{
    (void)state;
    expect(path_join("a", "/b"), "/b");
    expect(path_join("", "b"), "b");
    expect(path_join(".", "b"), "b");
}

static void a_path_is_a_folder_and_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *path, *dir, *base;
    } rows[] = {
        {"a/b", "a", "b"},   {"b", ".", "b"},         {"/b", "/", "b"}, {"/a/b", "/a", "b"},
        {"../b", "..", "b"}, {"a/b/", "a/b", ""},     {"/", "/", ""},   {"", ".", ""},
        {"//b", "/", "b"},   {".b.so", ".", ".b.so"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(path_dir(rows[i].path), rows[i].dir);
        assert_string_equal(path_base(rows[i].path), rows[i].base);
    }
}

static void an_absolute_path_loses_what_means_nothing(void **state)
{
    (void)state;
    expect(path_absolute("/a/b"), "/a/b");
    expect(path_absolute("/a//b"), "/a/b");
    expect(path_absolute("///a/././/b"), "/a/b");
    expect(path_absolute("/a/."), "/a");
    expect(path_absolute("/."), "/");
    expect(path_absolute("//"), "/");
    expect(path_absolute("/"), "/");
}

static void an_absolute_path_keeps_what_means_something(void **state)
{
    (void)state;
    expect(path_absolute("/a/../b"), "/a/../b");
    expect(path_absolute("/a/.b/..c/.../d."), "/a/.b/..c/.../d.");
}

static void a_relative_path_starts_in_the_current_folder(void **state)
{
    (void)state;
    char *cwd = get_current_dir_name();
    char *expected = path_join(cwd, "a/b");
    expect(path_absolute("a/b"), expected);
    expect(path_absolute("./a//./b"), expected);
    expect(path_absolute("."), cwd);
    free(expected);
    free(cwd);
}

static void a_path_below_the_current_folder_is_shown_short(void **state)
{
    (void)state;
    char *cwd = get_current_dir_name();
    char *below = path_join(cwd, "a/b.so");
    char *beside = NULL;
    assert_true(asprintf(&beside, "%s-2/b.so", cwd) > 0);
    expect(path_short(below), "a/b.so");
    expect(path_short(beside), beside);
    expect(path_short(cwd), cwd);
    expect(path_short("a/b.so"), "a/b.so");
    expect(path_short("/"), "/");
    free(beside);
    free(below);
    free(cwd);
}

static void the_root_shortens_nothing(void **state)
{
    (void)state;
    char *cwd = get_current_dir_name();
    assert_int_equal(chdir("/"), 0);
    expect(path_short("/usr/lib"), "/usr/lib");
    expect(path_absolute("usr"), "/usr");
    assert_int_equal(chdir(cwd), 0);
    free(cwd);
}

static void the_executable_has_a_folder(void **state)
{
    (void)state;
    struct error err;
    char *dir = path_own_dir(&err);
    assert_non_null(dir);
    struct stat own;
    struct stat found;
    char *path = path_join(dir, "test-path");
    assert_int_equal(stat("/proc/self/exe", &own), 0);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(own.st_ino, found.st_ino);
    free(path);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_joined_to_its_folder),
        cmocka_unit_test(an_absolute_name_needs_no_folder),
        cmocka_unit_test(a_path_is_a_folder_and_a_name),
        cmocka_unit_test(an_absolute_path_loses_what_means_nothing),
        cmocka_unit_test(an_absolute_path_keeps_what_means_something),
        cmocka_unit_test(a_relative_path_starts_in_the_current_folder),
        cmocka_unit_test(a_path_below_the_current_folder_is_shown_short),
        cmocka_unit_test(the_root_shortens_nothing),
        cmocka_unit_test(the_executable_has_a_folder),
    };
    return cmocka_run_group_tests_name("base: path", tests, NULL, NULL);
}
