#define _GNU_SOURCE
#include "module/trust.h"

#include "module/stage.h"
#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sample_dir dir;

static int set_up(void **state)
{
    (void)state;
    sample_dir_create(&dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sample_dir_destroy(&dir);
    return 0;
}

/* DIR/name. Eight of them live at a time. */
static const char *at(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", dir.path, name);
    return path;
}

static void make_file(const char *name, mode_t mode)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void make_folder(const char *name, mode_t mode)
{
    assert_int_equal(mkdir(at(name), 0700), 0);
    assert_int_equal(chmod(at(name), mode), 0);
}

static bool look(const char *name, struct error *err)
{
    struct stat st;
    *err = (struct error){0};
    assert_int_equal(stat(at(name), &st), 0);
    return trust_check(at(name), &st, err);
}

static void expect_good(const char *name)
{
    struct error err;
    if (!look(name, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
}

static void expect_refused(const char *name, const char *words)
{
    struct error err;
    if (look(name, &err) || err.code != ERROR_REFUSED || strstr(err.text, words) == NULL) {
        fail_msg("%s: code %d: %s", name, (int)err.code, err.text);
    }
}

static void modes_of_the_file_and_its_folder_count(void **state)
{
    (void)state;
    make_file("good.so", 0775);
    make_file("open.so", 0666);
    expect_good("good.so");
    expect_refused("open.so", "may write");
    assert_int_equal(chmod(dir.path, 0777), 0);
    expect_refused("good.so", "chmod o-w");
    assert_int_equal(chmod(dir.path, 01777), 0);
    expect_good("good.so");
    expect_refused("open.so", "may write");
    assert_int_equal(chmod(dir.path, 0775), 0);
    expect_good("good.so");
}

static void links_are_followed_wherever_they_are(void **state)
{
    (void)state;
    make_folder("good", 0755);
    make_folder("good/deep", 0755);
    make_folder("open", 0777);
    make_file("good/deep/x.so", 0755);
    assert_int_equal(symlink("good/./deep//x.so", at("file.so")), 0);
    assert_int_equal(symlink(at("good"), at("way")), 0);
    assert_int_equal(symlink("../way/deep", at("open/trap")), 0);
    assert_int_equal(symlink("deep/../deep/x.so", at("good/round.so")), 0);
    expect_good("file.so");
    expect_good("way/deep/x.so");
    expect_good("way/round.so");
    expect_good("open/../way/deep/x.so");
    expect_refused("open/trap/x.so", "/open ");
    assert_int_equal(symlink("open/trap/x.so", at("far.so")), 0);
    expect_refused("far.so", "/open ");
    assert_int_equal(chmod(at("good"), 0777), 0);
    expect_good("file.so"); /* it is only passed */
    expect_refused("good/round.so", "/good ");
}

static void what_goes_meanwhile_is_missing_and_a_loop_is_an_error(void **state)
{
    (void)state;
    struct error err = {0};
    struct stat st;
    make_file("x.so", 0755);
    assert_int_equal(stat(at("x.so"), &st), 0);
    assert_false(trust_check(at("y.so"), &st, &err));
    assert_int_equal(err.code, ERROR_MISSING);
    assert_false(trust_check(at("x.so/y.so"), &st, &err));
    assert_int_equal(err.code, ERROR_MISSING);
    assert_int_equal(symlink("loop.so", at("loop.so")), 0);
    assert_false(trust_check(at("loop.so"), &st, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
}

static void other_users_are_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root can give things away */
    }
    make_folder("theirs", 01777);
    make_file("theirs/x.so", 0755);
    expect_good("theirs/x.so");
    assert_int_equal(chown(at("theirs/x.so"), 12345, 12345), 0);
    expect_refused("theirs/x.so", "belongs to user 12345");
    assert_int_equal(chown(at("theirs/x.so"), 0, 12345), 0);
    assert_int_equal(chown(at("theirs"), 12345, 0), 0);
    expect_refused("theirs/x.so", "the folder");
}

static void a_file_of_any_size_is_not_read(void **state)
{
    (void)state;
    struct stage stage;
    struct error err = {0};
    make_file("large.so", 0755);
    assert_int_equal(truncate(at("large.so"), ((off_t)4 << 30) + 1), 0);
    assert_int_equal(stage_copy(at("large.so"), dir.fd, "copy", NULL, NULL, &stage, &err),
                     STAGE_BAD);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(access(at("copy"), F_OK), -1);
}

#define TRIAL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRIAL(modes_of_the_file_and_its_folder_count),
        TRIAL(links_are_followed_wherever_they_are),
        TRIAL(what_goes_meanwhile_is_missing_and_a_loop_is_an_error),
        TRIAL(other_users_are_refused),
        TRIAL(a_file_of_any_size_is_not_read),
    };
    return cmocka_run_group_tests_name("module: trust", tests, NULL, NULL);
}
