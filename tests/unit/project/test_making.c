#define _GNU_SOURCE /* nftw */
#include "project/making.h"

#include "base/file.h"
#include "base/text.h"
#include "trial.h"

#include <signal.h>
#include <sys/resource.h>

static struct error err;

static int enter(void **state)
{
    return trial_setup(state) == 0 && chdir(trial_dir) == 0 ? 0 : -1;
}

static bool add(struct making *making, const char *path, const char *text)
{
    return making_file(making, path, text, strlen(text), &err);
}

static void files_and_the_folders_on_the_way_are_made(void **state)
{
    (void)state;
    struct making *making = making_begin("a/b/project", &err);
    struct text text = {0};
    assert_non_null(making);
    assert_true(add(making, "one", "1"));
    assert_true(add(making, "deep/deeper/two", "22"));
    assert_true(add(making, "deep/three", ""));
    assert_int_equal(making_files(making), 3);
    making_end(making, true, &err);
    assert_true(file_read("a/b/project/deep/deeper/two", 100, &text, &err));
    assert_string_equal(text_string(&text), "22");
    assert_int_equal(access("a/b/project/deep/three", F_OK), 0);
    text_finish(&text);
}

static void without_keep_all_of_it_goes_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(mkdir("there", 0700), 0);
    assert_int_equal(mkdir("there/project", 0700), 0);
    assert_int_equal(mkdir("there/project/.git", 0700), 0);
    struct making *making = making_begin("there/project", &err);
    assert_true(add(making, "deep/deeper/two", "22"));
    error_set(&err, ERROR_SYSTEM, "no room");
    making_end(making, false, &err);
    assert_int_equal(err.code, ERROR_SYSTEM);
    assert_string_equal(err.text, "no room (what was made before is removed again)");
    assert_int_equal(access("there/project/deep", F_OK), -1);
    assert_int_equal(access("there/project/.git", F_OK), 0);

    making = making_begin("there/new/newer", &err);
    assert_true(add(making, "one", "1"));
    making_end(making, false, &err);
    assert_int_equal(access("there/new", F_OK), -1);
    assert_int_equal(access("there", F_OK), 0);
}

static void a_file_that_others_put_there_is_neither_overwritten_nor_removed(void **state)
{
    (void)state;
    struct text text = {0};
    struct making *making = making_begin("shared", &err);
    assert_true(add(making, "one", "1"));
    assert_int_equal(symlink("elsewhere", "shared/link"), 0);
    FILE *file = fopen("shared/two", "w");
    assert_true(file != NULL && fputs("theirs", file) >= 0 && fclose(file) == 0);
    assert_false(add(making, "link", "2"));
    assert_false(add(making, "two", "2"));
    assert_non_null(strstr(err.text, "cannot make two in shared: File exists"));
    making_end(making, false, &err);
    assert_non_null(strstr(err.text, "could not be removed again")); /* not empty */
    assert_true(file_read("shared/two", 100, &text, &err));
    assert_string_equal(text_string(&text), "theirs");
    assert_int_equal(access("shared/one", F_OK), -1);
    assert_int_equal(access("elsewhere", F_OK), -1);
    text_finish(&text);
}

static void a_folder_that_holds_something_is_refused_by_name(void **state)
{
    (void)state;
    assert_int_equal(mkdir("full", 0700), 0);
    assert_int_equal(mkdir("full/src", 0700), 0);
    assert_null(making_begin("full", &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    assert_non_null(strstr(err.text, "full is not empty (src is in it)"));
    assert_int_equal(access("full/src", F_OK), 0);
}

static void what_is_no_folder_is_refused(void **state)
{
    (void)state;
    FILE *file = fopen("file", "w");
    assert_true(file != NULL && fclose(file) == 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_null(making_begin("file", &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    assert_null(making_begin("file/below", &err));
    assert_null(making_begin("dangling", &err));
    assert_non_null(strstr(err.text, "cannot make the folder dangling"));
    assert_int_equal(access("nowhere", F_OK), -1);
}

static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    struct rlimit before;
    char text[4096];
    memset(text, 'x', sizeof text);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = {.rlim_cur = 1000, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    struct making *making = making_begin("tight", &err);
    assert_true(add(making, "small", "1"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    bool ok = making_file(making, "large", text, sizeof text, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(ok);
    assert_non_null(strstr(err.text, "cannot write large in tight"));
    making_end(making, false, &err);
    assert_non_null(strstr(err.text, "removed again"));
    assert_int_equal(access("tight", F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, trial_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_and_the_folders_on_the_way_are_made),
        TEST(without_keep_all_of_it_goes_and_nothing_else),
        TEST(a_file_that_others_put_there_is_neither_overwritten_nor_removed),
        TEST(a_folder_that_holds_something_is_refused_by_name),
        TEST(what_is_no_folder_is_refused),
        TEST(a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
