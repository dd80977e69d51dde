#define _GNU_SOURCE
#include "supervisor/watch.h"

#include "base/clock.h"
#include "trial.h"

#include <fcntl.h>
#include <sys/resource.h>

struct trial {
    uv_loop_t loop;
    struct log log;
    struct watch *watch;
    unsigned changed, polled, gone;
    enum watch_news last;
    uint64_t since_ns;
    char path[512]; /* read in the callback, as a caller does */
    bool destroy_in_callback;
};

static void on_news(void *ctx, enum watch_news news, uint64_t since_ns)
{
    struct trial *t = ctx;
    unsigned *counts[] = {&t->changed, &t->polled, &t->gone};
    ++*counts[news];
    t->last = news;
    t->since_ns = since_ns;
    struct stat st;
    watch_seen(t->watch, stat(t->path, &st) == 0 ? &st : NULL);
    if (t->destroy_in_callback) {
        watch_destroy(t->watch);
        t->watch = NULL;
    }
}

static void begin_with(struct trial *t, const char *path, uint64_t settle_ns, uint64_t poll_ns)
{
    *t = (struct trial){0};
    (void)snprintf(t->path, sizeof t->path, "%s", path);
    assert_int_equal(uv_loop_init(&t->loop), 0);
    log_init(&t->log, LOG_ERROR, true);
    struct error err;
    t->watch = watch_create(&t->loop, &t->log, path, settle_ns, poll_ns, on_news, t, &err);
    assert_non_null(t->watch);
}

/* Without a poll: what is told was told by events. */
static void begin(struct trial *t, const char *path)
{
    begin_with(t, path, 0, 0);
    assert_false(watch_is_polling(t->watch));
}

static void end(struct trial *t)
{
    watch_destroy(t->watch);
    drain(&t->loop);
}

static bool any_changed(void *ctx)
{
    return ((struct trial *)ctx)->changed > 0;
}

static bool any_polled(void *ctx)
{
    return ((struct trial *)ctx)->polled > 0;
}

static bool any_gone(void *ctx)
{
    return ((struct trial *)ctx)->gone > 0;
}

static void expect_changed(struct trial *t)
{
    run_until(&t->loop, any_changed, t);
    assert_int_equal(t->last, WATCH_CHANGED);
    t->changed = 0;
}

static void expect_gone(struct trial *t)
{
    run_until(&t->loop, any_gone, t);
    assert_int_equal(t->last, WATCH_GONE);
    assert_int_equal(t->gone, 1);
    t->gone = 0;
}

static void expect_nothing(struct trial *t)
{
    assert_false(watch_has_news(t->watch));
    assert_int_equal(t->changed + t->polled + t->gone, 0);
}

/* ---- the ways of saving ---- */

static void what_is_there_already_is_not_reported(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    expect_nothing(&t);
    end(&t);
}

static void a_copy_in_place_is_told_when_it_is_closed(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    FILE *file = fopen(at("lib.so"), "w");
    assert_true(fputs("two", file) >= 0);
    assert_int_equal(fflush(file), 0);
    expect_nothing(&t);
    uint64_t before = clock_ns();
    assert_int_equal(fclose(file), 0);
    expect_changed(&t);
    assert_true(t.since_ns >= before && t.since_ns <= clock_ns());
    expect_nothing(&t);
    end(&t);
}

static void write_new_then_rename_is_one_change(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    for (int i = 0; i < 5; i++) {
        put(at("lib.so.new"), "two");
        assert_int_equal(rename(at("lib.so.new"), at("lib.so")), 0);
        run_until(&t.loop, any_changed, &t);
        assert_int_equal(t.changed, 1);
        t.changed = 0;
        expect_nothing(&t);
    }
    end(&t);
}

static void rename_away_and_create_ends_in_a_change(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    assert_int_equal(rename(at("lib.so"), at("lib.so~")), 0);
    put(at("lib.so"), "two");
    expect_changed(&t);
    assert_int_equal(t.gone, 0);
    end(&t);
}

static void delete_and_recreate_is_told_once_it_is_whole(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    assert_int_equal(unlink(at("lib.so")), 0);
    expect_gone(&t);
    int fd = open(at("lib.so"), O_WRONLY | O_CREAT, 0700);
    assert_true(fd >= 0);
    expect_nothing(&t);
    assert_int_equal(write(fd, "two", 3), 3);
    expect_nothing(&t);
    assert_int_equal(close(fd), 0);
    expect_changed(&t);
    end(&t);
}

static void a_hard_link_counts_although_nobody_closes_it(void **state)
{
    (void)state;
    struct trial t;
    begin(&t, at("lib.so"));
    put(at("other.so"), "one");
    assert_int_equal(link(at("other.so"), at("lib.so")), 0);
    expect_changed(&t);
    end(&t);
}

static void many_saves_before_one_look_are_one_change(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    for (int i = 0; i < 50; i++) {
        put(at("lib.so"), "more");
    }
    run_until(&t.loop, any_changed, &t);
    assert_int_equal(t.changed, 1);
    end(&t);
}

static void other_files_in_the_folder_say_nothing(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    put(at("lib.so.tmp"), "x");
    put(at("lib.s"), "x");
    assert_int_equal(unlink(at("lib.s")), 0);
    expect_nothing(&t);
    end(&t);
}

static void a_removed_file_is_told_once(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    assert_int_equal(unlink(at("lib.so")), 0);
    expect_gone(&t);
    int fd = open(at("lib.so"), O_WRONLY | O_CREAT, 0700);
    assert_int_equal(unlink(at("lib.so")), 0);
    assert_int_equal(close(fd), 0); /* the close of a file without a name is nobody's news */
    while (watch_has_news(t.watch)) {
        turn(&t.loop);
        t.changed = 0;
    }
    assert_int_equal(t.gone, 0);
    end(&t);
}

/* ---- folders and links ---- */

static void a_path_whose_folders_come_later_is_waited_for(void **state)
{
    (void)state;
    struct trial t;
    begin(&t, at("a/b/c/lib.so"));
    assert_int_equal(mkdir(at("a"), 0700), 0);
    expect_nothing(&t);
    assert_int_equal(mkdir(at("a/b"), 0700), 0);
    assert_int_equal(mkdir(at("a/b/c"), 0700), 0);
    expect_nothing(&t);
    put(at("a/b/c/lib.so"), "one");
    expect_changed(&t);
    put(at("a/b/c/lib.so"), "two");
    expect_changed(&t);
    end(&t);
}

static void a_file_that_appears_with_its_folders_at_once_is_seen(void **state)
{
    (void)state;
    struct trial t;
    begin(&t, at("a/b/lib.so"));
    assert_int_equal(mkdir(at("a"), 0700), 0);
    assert_int_equal(mkdir(at("a/b"), 0700), 0);
    put(at("a/b/lib.so"), "one");
    expect_changed(&t);
    end(&t);
}

static void a_parent_that_is_moved_away_and_back_is_followed(void **state)
{
    (void)state;
    struct trial t;
    assert_int_equal(mkdir(at("top"), 0700), 0);
    assert_int_equal(mkdir(at("top/mid"), 0700), 0);
    assert_int_equal(mkdir(at("top/mid/low"), 0700), 0);
    put(at("top/mid/low/lib.so"), "one");
    begin(&t, at("top/mid/low/lib.so"));
    assert_int_equal(rename(at("top"), at("elsewhere")), 0);
    expect_gone(&t);
    put(at("elsewhere/mid/low/lib.so"), "two");
    expect_nothing(&t);
    assert_int_equal(rename(at("elsewhere"), at("top")), 0);
    expect_changed(&t);
    put(at("top/mid/low/lib.so"), "three");
    expect_changed(&t);
    end(&t);
}

static void a_folder_that_is_replaced_by_another_is_followed(void **state)
{
    (void)state;
    struct trial t;
    assert_int_equal(mkdir(at("build"), 0700), 0);
    put(at("build/lib.so"), "one");
    begin(&t, at("build/lib.so"));
    assert_int_equal(mkdir(at("fresh"), 0700), 0);
    put(at("fresh/lib.so"), "two");
    assert_int_equal(renameat2(AT_FDCWD, at("fresh"), AT_FDCWD, at("build"), RENAME_EXCHANGE), 0);
    expect_changed(&t);
    put(at("build/lib.so"), "three");
    expect_changed(&t);
    end(&t);
}

static void a_deleted_folder_is_gone_and_comes_back(void **state)
{
    (void)state;
    struct trial t;
    for (int i = 0; i < 3; i++) {
        if (i == 0) {
            assert_int_equal(mkdir(at("build"), 0700), 0);
            put(at("build/lib.so"), "one");
            begin(&t, at("build/lib.so"));
        }
        assert_int_equal(unlink(at("build/lib.so")), 0);
        assert_int_equal(rmdir(at("build")), 0);
        expect_gone(&t);
        assert_int_equal(mkdir(at("build"), 0700), 0);
        put(at("build/lib.so"), "two");
        expect_changed(&t);
    }
    end(&t);
}

/* ln -sfn as coreutils does it */
static void point(const char *link, const char *target)
{
    char fresh[600];
    (void)snprintf(fresh, sizeof fresh, "%s.fresh", link);
    assert_int_equal(symlink(target, fresh), 0);
    assert_int_equal(rename(fresh, link), 0);
}

static void a_link_on_the_way_that_is_pointed_elsewhere_is_a_change(void **state)
{
    (void)state;
    struct trial t;
    assert_int_equal(mkdir(at("v1"), 0700), 0);
    assert_int_equal(mkdir(at("v2"), 0700), 0);
    put(at("v1/lib.so"), "one");
    put(at("v2/lib.so"), "two");
    point(at("current"), "v1");
    begin(&t, at("current/lib.so"));
    point(at("current"), at("v2"));
    expect_changed(&t);
    put(at("v1/lib.so"), "not ours any more");
    expect_nothing(&t);
    put(at("v2/lib.so"), "three");
    expect_changed(&t);
    point(at("current"), "nowhere");
    expect_gone(&t);
    end(&t);
}

static void the_target_of_a_chain_of_links_is_watched(void **state)
{
    (void)state;
    struct trial t;
    assert_int_equal(mkdir(at("real"), 0700), 0);
    put(at("real/lib.so.1"), "one");
    assert_int_equal(symlink("real/../real/lib.so.1", at("lib.so.0")), 0);
    assert_int_equal(symlink("lib.so.0", at("lib.so")), 0);
    begin(&t, at("lib.so"));
    put(at("real/lib.so.1"), "two");
    expect_changed(&t);
    put(at("real/lib.so.2"), "three");
    point(at("lib.so.0"), "real/lib.so.2");
    expect_changed(&t);
    put(at("real/lib.so.2"), "four");
    expect_changed(&t);
    end(&t);
}

static void a_file_that_becomes_a_link_is_followed(void **state)
{
    (void)state;
    struct trial t;
    assert_int_equal(mkdir(at("real"), 0700), 0);
    put(at("real/lib.so"), "two");
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    point(at("lib.so"), "real/lib.so"); /* renamed over it */
    expect_changed(&t);
    put(at("real/lib.so"), "three");
    expect_changed(&t);
    assert_int_equal(unlink(at("lib.so")), 0);
    expect_gone(&t);
    assert_int_equal(symlink("real/lib.so", at("lib.so")), 0); /* created */
    expect_changed(&t);
    assert_int_equal(unlink(at("lib.so")), 0);
    put(at("lib.so"), "a file again");
    expect_changed(&t);
    t.gone = 0;
    end(&t);
}

static void a_link_that_points_at_itself_is_waited_for(void **state)
{
    (void)state;
    struct trial t;
    assert_int_equal(symlink("lib.so", at("lib.so")), 0);
    begin(&t, at("lib.so"));
    assert_int_equal(unlink(at("lib.so")), 0);
    put(at("lib.so"), "one");
    expect_changed(&t);
    end(&t);
}

/* ---- asking, settling, polling ---- */

static void what_came_meanwhile_is_known_and_still_reported(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    assert_false(watch_has_news(t.watch));
    put(at("lib.so"), "two");
    assert_true(watch_has_news(t.watch));
    assert_true(watch_has_news(t.watch));
    assert_int_equal(t.changed, 0);
    expect_changed(&t);
    expect_nothing(&t);
    end(&t);
}

static void a_settle_time_starts_again_with_each_save(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin_with(&t, at("lib.so"), 150 * NS_PER_MS, 0);
    uint64_t first = clock_ns();
    for (int i = 0; i < 5; i++) {
        put(at("lib.so"), "more");
        turn(&t.loop);
        assert_int_equal(t.changed, 0);
    }
    uint64_t last = clock_ns();
    expect_changed(&t);
    assert_true(clock_ns() - last >= 140 * NS_PER_MS);
    assert_true(t.since_ns >= first && t.since_ns <= last); /* the first save's */
    end(&t);
}

static void a_settle_time_hides_a_short_absence(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin_with(&t, at("lib.so"), 100 * NS_PER_MS, 0);
    assert_int_equal(unlink(at("lib.so")), 0);
    assert_true(watch_has_news(t.watch));
    put(at("lib.so"), "two");
    expect_changed(&t);
    assert_int_equal(t.gone, 0);
    end(&t);
}

static void the_poll_finds_what_no_close_told_of(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin_with(&t, at("lib.so"), 0, 10 * NS_PER_MS);
    FILE *file = fopen(at("lib.so"), "r+"); /* stays open */
    assert_true(fputs("twice as long", file) >= 0);
    assert_int_equal(fflush(file), 0);
    run_until(&t.loop, any_polled, &t);
    assert_int_equal(t.changed, 0);
    t.polled = 0;
    for (int i = 0; i < 5; i++) {
        wait_for_event(&t.loop); /* the next beat of the poll */
        turn(&t.loop);
    }
    assert_int_equal(t.polled, 0);
    assert_int_equal(fclose(file), 0);
    expect_changed(&t);
    end(&t);
}

static void without_inotify_the_poll_does_it_all_and_it_is_said_once(void **state)
{
    (void)state;
    struct trial t = {0};
    put(at("lib.so"), "one");
    (void)snprintf(t.path, sizeof t.path, "%s", at("lib.so"));
    assert_int_equal(uv_loop_init(&t.loop), 0);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    log_init(&t.log, LOG_WARN, true);
    t.log.fd = ends[1];
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0; /* no descriptor is left for it */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct error err;
    t.watch = watch_create(&t.loop, &t.log, t.path, 0, 10 * NS_PER_MS, on_news, &t, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_non_null(t.watch);
    assert_true(watch_is_polling(t.watch));
    put(at("lib.so"), "two!");
    run_until(&t.loop, any_polled, &t);
    assert_int_equal(unlink(at("lib.so")), 0);
    expect_gone(&t);
    t.polled = 0;
    put(at("lib.so"), "three");
    run_until(&t.loop, any_polled, &t);
    end(&t);
    assert_int_equal(close(ends[1]), 0);
    FILE *told = fdopen(ends[0], "r");
    char line[512];
    assert_non_null(fgets(line, sizeof line, told));
    assert_non_null(strstr(line, "used up; looking every 10 ms instead"));
    assert_null(fgets(line, sizeof line, told));
    assert_int_equal(fclose(told), 0);
}

static void a_callback_may_end_the_watch(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin(&t, at("lib.so"));
    t.destroy_in_callback = true;
    put(at("fresh"), "two");
    assert_int_equal(rename(at("fresh"), at("lib.so")), 0);
    run_until(&t.loop, any_changed, &t);
    end(&t);
}

/* Folders and links are made, moved and removed at random while one watches; whatever happened, the
 * version that is there at the end is known at the end. */
static void whatever_happens_the_last_version_is_seen(void **state)
{
    (void)state;
    struct trial t;
    assert_int_equal(mkdir(at("x"), 0700), 0);
    assert_int_equal(mkdir(at("y"), 0700), 0);
    begin(&t, at("way/sub/lib.so"));
    unsigned seed = 7;
    for (int round = 0; round < 400; round++) {
        for (int i = rand_r(&seed) % 6; i >= 0; i--) {
            const char *target = rand_r(&seed) % 2 != 0 ? "x" : "y";
            char sub[32], lib[40], spare[32];
            (void)snprintf(sub, sizeof sub, "%s/sub", target);
            (void)snprintf(lib, sizeof lib, "%s/sub/lib.so", target);
            (void)snprintf(spare, sizeof spare, "%s/spare", target);
            switch (rand_r(&seed) % 8) {
            case 0:
                (void)unlink(at("way"));
                break;
            case 1:
                (void)symlink(target, at("way"));
                break;
            case 2:
                (void)mkdir(at(sub), 0700);
                break;
            case 3:
                (void)rename(at(sub), at(spare));
                break;
            case 4:
                (void)rename(at(spare), at(sub));
                break;
            case 5:
                (void)unlink(at(lib));
                break;
            default: {
                FILE *file = fopen(at(lib), "a");
                if (file != NULL) {
                    assert_true(fputs("more", file) >= 0);
                    assert_int_equal(fclose(file), 0);
                }
            }
            }
            if (rand_r(&seed) % 3 == 0) {
                (void)uv_run(&t.loop, UV_RUN_NOWAIT);
            }
        }
        while (watch_has_news(t.watch)) {
            turn(&t.loop);
        }
        /* Now a save, if it is possible: it must be told. */
        t.changed = 0;
        FILE *file = fopen(at("way/sub/lib.so"), "a");
        if (file != NULL) {
            assert_true(fputs("end", file) >= 0);
            assert_int_equal(fclose(file), 0);
            expect_changed(&t);
        }
    }
    end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_already_is_not_reported),
        TEST(a_copy_in_place_is_told_when_it_is_closed),
        TEST(write_new_then_rename_is_one_change),
        TEST(rename_away_and_create_ends_in_a_change),
        TEST(delete_and_recreate_is_told_once_it_is_whole),
        TEST(a_hard_link_counts_although_nobody_closes_it),
        TEST(many_saves_before_one_look_are_one_change),
        TEST(other_files_in_the_folder_say_nothing),
        TEST(a_removed_file_is_told_once),
        TEST(a_path_whose_folders_come_later_is_waited_for),
        TEST(a_file_that_appears_with_its_folders_at_once_is_seen),
        TEST(a_parent_that_is_moved_away_and_back_is_followed),
        TEST(a_folder_that_is_replaced_by_another_is_followed),
        TEST(a_deleted_folder_is_gone_and_comes_back),
        TEST(a_link_on_the_way_that_is_pointed_elsewhere_is_a_change),
        TEST(the_target_of_a_chain_of_links_is_watched),
        TEST(a_file_that_becomes_a_link_is_followed),
        TEST(a_link_that_points_at_itself_is_waited_for),
        TEST(what_came_meanwhile_is_known_and_still_reported),
        TEST(a_settle_time_starts_again_with_each_save),
        TEST(a_settle_time_hides_a_short_absence),
        TEST(the_poll_finds_what_no_close_told_of),
        TEST(without_inotify_the_poll_does_it_all_and_it_is_said_once),
        TEST(a_callback_may_end_the_watch),
        TEST(whatever_happens_the_last_version_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
