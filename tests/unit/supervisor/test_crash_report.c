#define _GNU_SOURCE /* nftw */
#include "supervisor/crash_report.h"

#include "base/file.h"
#include "trial.h"

#include <dirent.h>
#include <fcntl.h>

static int run_dir;
static struct crash_report report;
static char file[256];
static struct error err;

static int setup(void **state)
{
    if (trial_setup(state) != 0) {
        return -1;
    }
    run_dir = open(trial_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return run_dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    crash_report_finish(&report);
    (void)close(run_dir);
    return trial_teardown(state);
}

static unsigned count(const char *suffix)
{
    unsigned found = 0;
    DIR *folder = opendir(at("crashes"));
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t len = strlen(entry->d_name), end = strlen(suffix);
        found += len > end && strcmp(entry->d_name + len - end, suffix) == 0;
    }
    (void)closedir(folder);
    return found;
}

static bool write_one(uint64_t step)
{
    crash_report_begin(&report, 4, step);
    text_puts(&report.body, "it crashed\n");
    bool ok = crash_report_write(&report, run_dir, file, sizeof file, &err);
    crash_report_finish(&report);
    return ok;
}

static void a_report_is_a_private_file_with_time_generation_and_step_in_its_name(void **state)
{
    struct stat st;
    (void)state;
    assert_true(write_one(81204));
    assert_non_null(strstr(file, "crashes/2"));
    assert_non_null(strstr(file, "Z-generation-4-step-81204.txt"));
    assert_int_equal(stat(at(file), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(at("crashes"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_false(crash_report_is_open(&report));
}

static void a_report_may_be_written_again_with_more_in_it(void **state)
{
    (void)state;
    crash_report_begin(&report, 4, 1);
    text_puts(&report.body, "it crashed\n");
    assert_true(crash_report_write(&report, run_dir, file, sizeof file, &err));
    text_puts(&report.body, "and came back\n");
    assert_true(crash_report_write(&report, run_dir, file, sizeof file, &err));
    assert_int_equal(count(".txt"), 1);
    struct text read = {0};
    assert_true(file_read(at(file), 1000, &read, &err));
    assert_string_equal(text_string(&read), "it crashed\nand came back\n");
    text_finish(&read);
}

static void the_oldest_go_with_what_lies_beside_them_and_other_files_stay(void **state)
{
    (void)state;
    assert_true(write_one(0));
    put(at("crashes/notes.txt"), "mine");
    put(at("crashes/20200101T000000.000Z-generation-1-step-1.txt"), "old");
    put(at("crashes/20200101T000000.000Z-generation-1-step-1.json"), "{}");
    put(at("crashes/.20200101T000000.000Z-generation-1-step-1.json.new"), "{");
    for (uint64_t i = 1; i < 40; i++) {
        assert_true(write_one(i));
    }
    assert_int_equal(count(".txt"), CRASH_REPORTS_MOST + 1);
    assert_int_equal(count(".json"), 0);
    assert_int_equal(count(".new"), 0);
    assert_int_equal(access(at("crashes/notes.txt"), F_OK), 0);
    assert_int_equal(access(at(file), F_OK), 0);
}

static void a_folder_that_is_a_link_is_not_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("elsewhere"), 0700), 0);
    assert_int_equal(symlink("elsewhere", at("crashes")), 0);
    assert_false(write_one(1));
    assert_non_null(strstr(err.text, "crashes"));
    assert_int_equal(rmdir(at("elsewhere")), 0); /* it is empty */
}

static void a_folder_that_others_may_write_into_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("crashes"), 0700), 0);
    assert_int_equal(chmod(at("crashes"), 0777), 0);
    assert_false(write_one(1));
    assert_int_equal(err.code, ERROR_REFUSED);
    assert_int_equal(count(".txt"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_report_is_a_private_file_with_time_generation_and_step_in_its_name),
        TEST(a_report_may_be_written_again_with_more_in_it),
        TEST(the_oldest_go_with_what_lies_beside_them_and_other_files_stay),
        TEST(a_folder_that_is_a_link_is_not_followed),
        TEST(a_folder_that_others_may_write_into_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
