/* The ways of saving one file, and when they are told. */
#define _GNU_SOURCE
#include "watch_trial.h"

#include "base/clock.h"

#include <fcntl.h>
#include <sys/resource.h>

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

/* ---- asking, settling, polling ---- */

static bool any_polled(void *ctx)
{
    return ((struct trial *)ctx)->polled > 0;
}

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
    uint64_t first = clock_ns(), last = first;
    for (int i = 0; i < 5; i++) {
        put(at("lib.so"), "more");
        turn(&t.loop);
        if (t.changed > 0) { /* a busy machine took as long for one save */
            assert_true(clock_ns() - last >= 140 * NS_PER_MS);
            t.changed = 0;
            first = last;
            i = 0;
        }
        last = clock_ns();
    }
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

static bool any_touched(void *ctx)
{
    return ((struct trial *)ctx)->touched > 0;
}

static void another_mode_is_told_apart_from_another_file(void **state)
{
    (void)state;
    struct trial t;
    put(at("lib.so"), "one");
    begin_with(&t, at("lib.so"), 0, 10 * NS_PER_MS);
    assert_int_equal(chmod(at("lib.so"), 0500), 0);
    run_until(&t.loop, any_touched, &t);
    assert_int_equal(t.changed + t.polled + t.gone, 0);
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
        TEST(what_came_meanwhile_is_known_and_still_reported),
        TEST(a_settle_time_starts_again_with_each_save),
        TEST(a_settle_time_hides_a_short_absence),
        TEST(the_poll_finds_what_no_close_told_of),
        TEST(another_mode_is_told_apart_from_another_file),
        TEST(without_inotify_the_poll_does_it_all_and_it_is_said_once),
        TEST(a_callback_may_end_the_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
