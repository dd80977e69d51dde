#define _GNU_SOURCE
#include "supervisor/run_dir.h"

#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void open_well(struct run_dir *dir, const char *path, const char *stage)
{
    struct error err = {0};
    if (!run_dir_open(dir, path, stage, &err)) {
        fail_msg("%s", err.text);
    }
}

static void expect_refused(const char *path, const char *stage, enum error_code code,
                           const char *words)
{
    struct run_dir dir;
    struct error err = {0};
    assert_false(run_dir_open(&dir, path, stage, &err));
    if (err.code != code || strstr(err.text, words) == NULL) {
        fail_msg("code %d: %s", (int)err.code, err.text);
    }
    assert_true(dir.fd == -1 && dir.lock_fd == -1 && dir.stage_fd == -1);
    run_dir_close(&dir); /* allowed, does nothing */
}

static void what_is_missing_is_created_private(void **state)
{
    (void)state;
    struct run_dir dir;
    mode_t before = umask(0);
    open_well(&dir, at(".hotrun/game"), NULL);
    (void)umask(before);
    assert_string_equal(dir.path, at(".hotrun/game"));
    assert_string_equal(dir.stage_path, at(".hotrun/game/stage"));
    assert_int_equal(mode_of(at(".hotrun")), 0700);
    assert_int_equal(mode_of(at(".hotrun/game")), 0700);
    assert_int_equal(mode_of(at(".hotrun/game/stage")), 0700);
    assert_int_equal(mode_of(at(".hotrun/game/lock")), 0600);
    assert_true(exists(at(".hotrun/.gitignore")));
    assert_true(exists(at(".hotrun/game/.gitignore")));
    run_dir_close(&dir);
}

static void closing_keeps_the_records_only(void **state)
{
    (void)state;
    struct run_dir dir;
    open_well(&dir, at(".hotrun/"), NULL);
    assert_string_equal(dir.path, at(".hotrun"));
    put(at(".hotrun/status.json"), "{}");
    put(at(".hotrun/control.sock"), "");
    run_dir_close(&dir);
    assert_true(exists(at(".hotrun/status.json")));
    assert_false(exists(at(".hotrun/lock")));
    assert_false(exists(at(".hotrun/control.sock")));
    assert_false(exists(at(".hotrun/stage")));
    open_well(&dir, at(".hotrun"), NULL); /* and it can be used again */
    run_dir_close(&dir);
}

static void a_second_one_is_refused_with_the_first_ones_pid(void **state)
{
    (void)state;
    struct run_dir dir;
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_int_equal(run_dir_holder(at(".hotrun")), 0);
    open_well(&dir, at(".hotrun"), NULL);
    assert_int_equal(run_dir_holder(at(".hotrun")), getpid());
    put(at(".hotrun/stage/libgame.1.so"), "in use");
    expect_refused(at(".hotrun"), NULL, ERROR_BUSY, pid);
    assert_true(exists(at(".hotrun/stage/libgame.1.so")));
    assert_int_equal(run_dir_holder(at(".hotrun")), getpid());

    struct run_dir named; /* a name of its own is another run */
    open_well(&named, at(".hotrun/two"), NULL);
    run_dir_close(&named);
    run_dir_close(&dir);
    assert_int_equal(run_dir_holder(at(".hotrun")), 0);
}

static void what_a_killed_one_left_is_swept(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct run_dir dir;
        struct error err;
        bool ok = run_dir_open(&dir, at(".hotrun"), NULL, &err) && write(ready[1], "+", 1) == 1;
        (void)pause();
        _exit(ok ? 0 : 1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(run_dir_holder(at(".hotrun")), child);
    put(at(".hotrun/stage/libgame.1.so"), "left");
    put(at(".hotrun/stage/.libgame.2.so"), "left");
    put(at(".hotrun/.merge-left"), "{}");
    put(at(".hotrun/.mine"), "kept");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(exists(at(".hotrun/lock")));
    assert_int_equal(run_dir_holder(at(".hotrun")), 0);

    struct run_dir dir;
    open_well(&dir, at(".hotrun"), NULL);
    assert_false(exists(at(".hotrun/stage/libgame.1.so")));
    assert_false(exists(at(".hotrun/stage/.libgame.2.so")));
    assert_false(exists(at(".hotrun/.merge-left")));
    assert_int_equal(run_dir_holder(at(".hotrun")), getpid());
    put(at(".hotrun/.merge-left"), "{}");
    run_dir_close(&dir);
    assert_false(exists(at(".hotrun/.merge-left")));
    assert_true(exists(at(".hotrun/.mine")));
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* A child that is killed between fork and exec of its own child leaves the lock to that one. */
static void the_lock_of_a_dead_one_is_waited_for(void **state)
{
    (void)state;
    int ready[2];
    char bytes[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct run_dir dir;
        struct error err;
        bool ok = run_dir_open(&dir, at(".hotrun"), NULL, &err);
        if (ok && fork() == 0) {
            ok = write(ready[1], "x", 1) == 1;
            (void)usleep(50000);
            _exit(ok ? 0 : 1);
        }
        ok = ok && write(ready[1], "x", 1) == 1;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (ssize_t got = 0; got < 2;) {
        ssize_t more = read(ready[0], bytes, sizeof bytes);
        assert_true(more > 0);
        got += more;
    }
    struct run_dir dir;
    open_well(&dir, at(".hotrun"), NULL);
    assert_int_equal(run_dir_holder(at(".hotrun")), getpid());
    run_dir_close(&dir);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Each of several processes takes the lock again and again, and removes it at the end: two inside
 * at a time would both create the mark. */
static void only_one_holds_it_however_they_race(void **state)
{
    (void)state;
    pid_t children[4];
    for (size_t i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            for (int won = 0; won < 100;) {
                struct run_dir dir;
                struct error err;
                if (run_dir_open(&dir, at(".hotrun"), NULL, &err)) {
                    won++;
                    int fd = openat(dir.fd, "mark", O_CREAT | O_EXCL | O_WRONLY, 0600);
                    if (fd < 0 || close(fd) != 0 || unlinkat(dir.fd, "mark", 0) != 0) {
                        _exit(1);
                    }
                    run_dir_close(&dir);
                } else if (err.code != ERROR_BUSY) {
                    _exit(2);
                }
                (void)run_dir_holder(at(".hotrun"));
            }
            _exit(0);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

static void a_link_or_a_file_in_its_place_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("real"), 0700), 0);
    assert_int_equal(symlink("real", at(".hotrun")), 0);
    expect_refused(at(".hotrun"), NULL, ERROR_REFUSED, "is a symbolic link");
    expect_refused(at(".hotrun/name"), NULL, ERROR_REFUSED, "is a symbolic link");
    put(at("file"), "");
    expect_refused(at("file"), NULL, ERROR_REFUSED, "is not a folder");
    assert_false(exists(at("real/lock")));
}

static void a_folder_that_others_can_write_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at(".hotrun"), 0700), 0);
    assert_int_equal(chmod(at(".hotrun"), 0720), 0);
    expect_refused(at(".hotrun"), NULL, ERROR_REFUSED, "others may write into");
    expect_refused(at(".hotrun/name"), NULL, ERROR_REFUSED, "others may write into");
    assert_int_equal(mode_of(at(".hotrun")), 0720);
}

static void another_users_folder_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root can make one */
    }
    assert_int_equal(mkdir(at(".hotrun"), 0700), 0);
    assert_int_equal(chown(at(".hotrun"), 12345, 12345), 0);
    expect_refused(at(".hotrun"), NULL, ERROR_REFUSED, "belongs to user 12345");
    assert_int_equal(mkdir(at("run"), 0700), 0);
    assert_int_equal(chmod(at(".hotrun"), 0755), 0);
    expect_refused(at("run"), at(".hotrun"), ERROR_REFUSED, "belongs to user 12345");
}

static void an_empty_readable_folder_is_closed_and_a_full_one_left_alone(void **state)
{
    (void)state;
    struct run_dir dir;
    assert_int_equal(mkdir(at("empty"), 0755), 0);
    assert_int_equal(chmod(at("empty"), 0755), 0);
    open_well(&dir, at("empty"), NULL);
    assert_int_equal(mode_of(at("empty")), 0700);
    run_dir_close(&dir);
    assert_int_equal(chmod(at("empty"), 0755), 0); /* it was one before */
    open_well(&dir, at("empty"), NULL);
    assert_int_equal(mode_of(at("empty")), 0700);
    run_dir_close(&dir);

    assert_int_equal(mkdir(at("project"), 0755), 0);
    assert_int_equal(chmod(at("project"), 0755), 0);
    put(at("project/main.c"), "");
    expect_refused(at("project"), NULL, ERROR_REFUSED, "holds files that are not hotrun's");
    assert_int_equal(mode_of(at("project")), 0755);
    assert_int_equal(chmod(at("project"), 0700), 0);
    open_well(&dir, at("project"), NULL); /* private already; git goes on seeing its files */
    assert_false(exists(at("project/.gitignore")));
    run_dir_close(&dir);
    assert_true(exists(at("project/main.c")));
}

static void a_missing_place_is_named(void **state)
{
    (void)state;
    expect_refused(at("no/such/place/.hotrun"), NULL, ERROR_SYSTEM, "no/such/place");
    expect_refused(at("a/b/c"), NULL, ERROR_SYSTEM, "cannot open");
}

static void a_foreign_stage_is_created_used_and_never_swept(void **state)
{
    (void)state;
    struct run_dir dir;
    open_well(&dir, at(".hotrun"), at("copies"));
    assert_int_equal(mode_of(at("copies")), 0700);
    assert_string_equal(dir.stage_path, at("copies"));
    assert_false(exists(at(".hotrun/stage")));
    put(at("copies/theirs.so"), "");
    run_dir_close(&dir);
    open_well(&dir, at(".hotrun"), at("copies"));
    assert_true(exists(at("copies/theirs.so")));
    run_dir_close(&dir);
    assert_true(exists(at("copies/theirs.so")));
}

static void a_foreign_stage_that_others_can_write_must_be_sticky(void **state)
{
    (void)state;
    struct run_dir dir;
    assert_int_equal(mkdir(at("copies"), 0700), 0);
    assert_int_equal(chmod(at("copies"), 0777), 0);
    expect_refused(at(".hotrun"), at("copies"), ERROR_REFUSED, "others may write into stage.dir");
    assert_int_equal(run_dir_holder(at(".hotrun")), 0);
    assert_int_equal(chmod(at("copies"), 01777), 0);
    open_well(&dir, at(".hotrun"), at("copies"));
    run_dir_close(&dir);
}

static void odd_things_in_the_places_of_its_files_are_told(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at(".hotrun"), 0700), 0);
    assert_int_equal(symlink("elsewhere", at(".hotrun/lock")), 0);
    expect_refused(at(".hotrun"), NULL, ERROR_SYSTEM, "cannot open");
    assert_false(exists(at(".hotrun/elsewhere")));
    assert_int_equal(unlink(at(".hotrun/lock")), 0);
    put(at(".hotrun/stage"), "a file");
    expect_refused(at(".hotrun"), NULL, ERROR_SYSTEM, "expected a folder");
    assert_int_equal(unlink(at(".hotrun/stage")), 0);
    put(at(".hotrun/lock"), "not a number");
    assert_int_equal(run_dir_holder(at(".hotrun")), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_missing_is_created_private),
        TEST(closing_keeps_the_records_only),
        TEST(a_second_one_is_refused_with_the_first_ones_pid),
        TEST(what_a_killed_one_left_is_swept),
        TEST(the_lock_of_a_dead_one_is_waited_for),
        TEST(only_one_holds_it_however_they_race),
        TEST(a_link_or_a_file_in_its_place_is_refused),
        TEST(a_folder_that_others_can_write_is_refused),
        TEST(another_users_folder_is_refused),
        TEST(an_empty_readable_folder_is_closed_and_a_full_one_left_alone),
        TEST(a_missing_place_is_named),
        TEST(a_foreign_stage_is_created_used_and_never_swept),
        TEST(a_foreign_stage_that_others_can_write_must_be_sticky),
        TEST(odd_things_in_the_places_of_its_files_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
