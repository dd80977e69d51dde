/* The ways of saving a source, and when they are told. */
#define _GNU_SOURCE
#include "sources_trial.h"

#include <fcntl.h>
#include <signal.h>

/* ---- one file ---- */

static void what_is_there_already_is_not_told(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    assert_int_equal(sources_count(t.sources), 1);
    expect_nothing(&t);
    assert_int_equal(sources_count(t.sources), 2);
    end(&t);
}

static void a_write_in_place_is_told_when_it_is_closed(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    FILE *file = fopen(at("game.c"), "w");
    assert_true(fputs("two", file) >= 0);
    assert_int_equal(fflush(file), 0);
    expect_nothing(&t);
    uint64_t before = clock_ns();
    assert_int_equal(fclose(file), 0);
    expect(&t, "game.c", 1);
    assert_true(t.since_ns >= before && t.since_ns <= t.told_ns);
    expect_nothing(&t);
    end(&t);
}

static void vim_writes_a_backup_and_a_new_file(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    put(at("4913"), "");
    assert_int_equal(unlink(at("4913")), 0);
    put(at(".game.c.swp"), "swap");
    assert_int_equal(rename(at("game.c"), at("game.c~")), 0);
    turn(&t.loop);
    int fd = open(at("game.c"), O_WRONLY | O_CREAT, 0600);
    turn(&t.loop);
    assert_int_equal(write(fd, "two", 3), 3);
    turn(&t.loop);
    assert_int_equal(t.told, 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(at("game.c~")), 0);
    expect(&t, "game.c", 1);
    expect_nothing(&t);
    end(&t);
}

static void vim_that_takes_its_time_is_waited_for(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    assert_int_equal(rename(at("game.c"), at("game.c~")), 0);
    int fd = open(at("game.c"), O_WRONLY | O_CREAT, 0600);
    for (uint64_t until = clock_ns() + 60 * NS_PER_MS; clock_ns() < until;) {
        wait_for_event(&t.loop); /* as for a disk that syncs */
        turn(&t.loop);
        assert_int_equal(t.told, 0);
    }
    assert_int_equal(close(fd), 0);
    expect(&t, "game.c", 1);
    end(&t);
}

static void emacs_locks_with_a_link_and_renames_a_backup(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    assert_int_equal(symlink("me@here.42:1", at(".#game.c")), 0);
    put(at("#game.c#"), "autosaved");
    assert_int_equal(rename(at("game.c"), at("game.c~")), 0);
    put(at("game.c"), "two");
    assert_int_equal(unlink(at(".#game.c")), 0);
    assert_int_equal(unlink(at("#game.c#")), 0);
    expect(&t, "game.c", 1);
    expect_nothing(&t);
    end(&t);
}

static void an_atomic_save_is_one_telling_of_the_real_file(void **state)
{
    (void)state;
    static const char *const beside[] = {"game.c.tmp", ".goutputstream-ABCDEF",
                                         "game.c___jb_tmp___", "game.c.12345.c"};
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        put(at(beside[i]), "two");
        assert_int_equal(rename(at(beside[i]), at("game.c")), 0);
        expect(&t, "game.c", 1);
        expect_nothing(&t);
    }
    end(&t);
}

static void sed_edits_by_a_file_beside(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    sh("sed -i s/one/two/ game.c");
    expect(&t, "game.c", 1);
    expect_nothing(&t);
    end(&t);
}

static void sed_leaves_nothing_in_a_folder_that_is_watched_whole(void **state)
{
    (void)state;
    struct trial t;
    const char *const watch[] = {".", NULL};
    struct sources_rules rules = {.root = trial_dir, .watch = watch};
    put(at("level.txt"), "one");
    begin_with(&t, &rules, 0);
    sh("sed -i s/one/two/ level.txt");
    expect(&t, "level.txt", 1);
    end(&t);
}

static void a_touch_counts_and_another_mode_does_not(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    sh("touch game.c");
    expect(&t, "game.c", 1);
    sh("touch -d '2001-01-01' game.c");
    expect(&t, "game.c", 1);
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, at("game.c"), times, 0), 0); /* nobody opens it */
    expect(&t, "game.c", 1);
    assert_int_equal(chmod(at("game.c"), 0700), 0);
    expect_nothing(&t);
    end(&t);
}

static void a_formatter_on_save_is_told_with_the_save(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    put(at("game.c"), "two");
    put(at("game.c"), "two formatted");
    expect(&t, "game.c", 1);
    expect_nothing(&t);
    end(&t);
}

static void a_hard_link_counts_although_nobody_closes_it(void **state)
{
    (void)state;
    struct trial t;
    put(at("else.txt"), "one");
    begin(&t);
    assert_int_equal(link(at("else.txt"), at("game.c")), 0);
    expect(&t, "game.c", 1);
    end(&t);
}

static void a_source_that_goes_is_told_and_one_that_only_came_by_is_not(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
    put(at("short.c"), "x");
    assert_int_equal(unlink(at("short.c")), 0);
    expect_nothing(&t);
    assert_int_equal(unlink(at("game.c")), 0);
    expect(&t, "game.c", 1);
    assert_int_equal(sources_count(t.sources), 1);
    put(at("game.c"), "back");
    expect(&t, "game.c", 1);
    assert_int_equal(rename(at("game.c"), at("game.txt")), 0);
    expect(&t, "game.c", 1);
    end(&t);
}

static void what_is_no_source_says_nothing(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    static const char *const names[] = {
        "game.o",     "game.so",    "a.out",       "notes.txt",  ".hidden.c", "game.c~",
        "game.c.swp", "game.c.bak", "game.c.orig", "game.c.rej", "#game.c#",  "game.c.kate-swp",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        put(at(names[i]), "x");
    }
    expect_nothing(&t);
    end(&t);
}

/* ---- many ---- */

static void a_storm_is_one_telling(void **state)
{
    (void)state;
    struct trial t;
    size_t files = 0;
    unsigned tellings = 0;
    begin(&t);
    uint64_t first = clock_ns();
    for (int i = 0; i < 200; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "file%d.c", i);
        put(at(name), "x");
        turn(&t.loop);
        if (t.told > 0) { /* a busy machine: half a second is over */
            tellings += t.told;
            files += expect_some(&t);
        }
    }
    if (files < 200) {
        files += expect_some(&t);
        tellings++;
    }
    assert_int_equal(files, 200);
    assert_true(tellings <= 1 + (clock_ns() - first) / (500 * NS_PER_MS));
    expect_nothing(&t);
    end(&t);
}

static void saves_without_an_end_are_told_after_half_a_second(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    uint64_t first = clock_ns();
    for (int i = 0; t.told == 0; i++) {
        put(at(i % 2 == 0 ? "a.c" : "b.c"), "x");
        turn(&t.loop);
        assert_true(clock_ns() - first < 5 * NS_PER_S);
    }
    assert_true(t.told_ns - t.since_ns >= 400 * NS_PER_MS);
    assert_int_equal(t.count, 2);
    end(&t);
}

static void git_switches_branches_in_one_telling(void **state)
{
    (void)state;
    if (system("git --version >/dev/null 2>&1") != 0) {
        print_message("no git: not tried\n");
        return;
    }
    struct trial t;
    sh("export GIT_CONFIG_GLOBAL=/dev/null && git init -q -b one . && git config user.email a@b.c "
       "&& "
       "git config user.name n && mkdir src gone && echo gen/ >.gitignore && "
       "for i in 1 2 3 4 5 6 7 8 9; do echo $i >src/f$i.c; done && echo x >gone/x.c && "
       "git add -A && git commit -q -m one && git checkout -q -b two && rm -r gone && mkdir new "
       "gen && "
       "echo y >new/y.c && echo g >gen/g.c && echo >.gitignore && "
       "for i in 1 2 3 4 5; do echo other >src/f$i.c; done && "
       "git add -A && git commit -q -m two && git checkout -q one");
    begin(&t);
    assert_int_equal(sources_count(t.sources), 10);
    sh("git checkout -q two");
    assert_int_equal(expect_some(&t), 8); /* five others, one gone, y.c, and g.c that counts now */
    assert_int_equal(sources_count(t.sources), 11);
    sh("git checkout -q one");
    size_t back = expect_some(&t);
    assert_true(back == 7 || back == 8); /* whether g.c went before the rules did */
    assert_int_equal(sources_count(t.sources), 10);
    end(&t);
}

static void a_callback_may_end_it(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    t.destroy_in_callback = true;
    put(at("game.c"), "one");
    run_until(&t.loop, any_told, &t);
    assert_null(t.sources);
    end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_already_is_not_told),
        TEST(a_write_in_place_is_told_when_it_is_closed),
        TEST(vim_writes_a_backup_and_a_new_file),
        TEST(vim_that_takes_its_time_is_waited_for),
        TEST(emacs_locks_with_a_link_and_renames_a_backup),
        TEST(an_atomic_save_is_one_telling_of_the_real_file),
        TEST(sed_edits_by_a_file_beside),
        TEST(sed_leaves_nothing_in_a_folder_that_is_watched_whole),
        TEST(a_touch_counts_and_another_mode_does_not),
        TEST(a_formatter_on_save_is_told_with_the_save),
        TEST(a_hard_link_counts_although_nobody_closes_it),
        TEST(a_source_that_goes_is_told_and_one_that_only_came_by_is_not),
        TEST(what_is_no_source_says_nothing),
        TEST(a_storm_is_one_telling),
        TEST(saves_without_an_end_are_told_after_half_a_second),
        TEST(git_switches_branches_in_one_telling),
        TEST(a_callback_may_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
