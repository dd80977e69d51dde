/* Watches that cannot be had, and events that are lost. inotify_add_watch is this file's own: it
 * gives as many watches as a test allows. */
#define _GNU_SOURCE
#include "sources_trial.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/resource.h>

static unsigned allowed; /* how many more there are */

int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (allowed == 0) {
        errno = ENOSPC;
        return -1;
    }
    allowed--;
    return __real_inotify_add_watch(fd, path, mask);
}

static int ends[2];

static void begin_telling(struct trial *t, const char *root)
{
    *t = (struct trial){0};
    assert_int_equal(uv_loop_init(&t->loop), 0);
    log_init(&t->log, LOG_WARN, true);
    assert_int_equal(pipe(ends), 0);
    t->log.fd = ends[1];
    struct sources_rules rules = {.root = root};
    struct error err;
    t->sources = sources_create(&t->loop, &t->log, &rules, 10 * NS_PER_MS, on_sources, t, &err);
    assert_non_null(t->sources);
}

/* One line was said in all, with these words. */
static void end_telling(struct trial *t, const char *words)
{
    end(t);
    assert_int_equal(close(ends[1]), 0);
    FILE *told = fdopen(ends[0], "r");
    char line[1024];
    assert_non_null(fgets(line, sizeof line, told));
    if (strstr(line, words) == NULL) {
        fail_msg("said: %s", line);
    }
    assert_null(fgets(line, sizeof line, told));
    assert_int_equal(fclose(told), 0);
}

static void make_folders(void)
{
    sh("for i in 1 2 3 4 5 6 7 8 9; do mkdir -p root/d$i/deep && echo 1 >root/d$i/deep/f$i.c; "
       "done");
}

static void without_enough_watches_the_rest_is_polled_and_it_is_said_once(void **state)
{
    (void)state;
    struct trial t;
    make_folders();
    allowed = 8;
    begin_telling(&t, at("root"));
    assert_true(sources_is_polling(t.sources));
    assert_int_equal(sources_count(t.sources), 9);
    for (int i = 1; i <= 9; i++) {
        char line[64], path[64];
        (void)snprintf(line, sizeof line, "echo more >root/d%d/deep/f%d.c", i, i);
        (void)snprintf(path, sizeof path, "d%d/deep/f%d.c", i, i);
        sh(line);
        expect(&t, path, 1);
    }
    sh("mkdir root/d5/new && echo 1 >root/d5/new/g.c");
    expect(&t, "d5/new/g.c", 1);
    sh("rm -r root/d9");
    expect(&t, "d9/deep/f9.c", 1);
    sh("rm root/d5/new/g.c");
    expect(&t, "d5/new/g.c", 1);
    end_telling(&t, "fs.inotify.max_user_watches");
}

static bool no_polling(void *ctx)
{
    return !sources_is_polling(((struct trial *)ctx)->sources);
}

static void watches_that_come_free_are_taken(void **state)
{
    (void)state;
    struct trial t;
    make_folders();
    allowed = 5;
    begin_telling(&t, at("root"));
    assert_true(sources_is_polling(t.sources));
    allowed = 1000;
    run_until(&t.loop, no_polling, &t);
    assert_int_equal(t.told, 0);
    sh("echo more >root/d9/deep/f9.c");
    expect(&t, "d9/deep/f9.c", 1);
    end_telling(&t, "looking there every 10 ms instead");
}

static void files_by_name_are_polled_too(void **state)
{
    (void)state;
    struct trial t;
    make_folders();
    allowed = 1;
    begin_telling(&t, at("root"));
    char paths[2][512];
    (void)snprintf(paths[0], sizeof paths[0], "%s", at("root/d1/deep/f1.c"));
    (void)snprintf(paths[1], sizeof paths[1], "%s", at("root/d2/deep/none.c"));
    const char *const list[] = {paths[0], paths[1]};
    struct error err;
    assert_true(sources_set_files(t.sources, list, 2, (struct timespec){0}, &err));
    sh("echo more >root/d3/deep/f3.c && echo more >root/d1/deep/f1.c");
    expect(&t, "d1/deep/f1.c", 1);
    sh("echo more >root/d2/deep/none.c");
    expect(&t, "d2/deep/none.c", 1);
    end_telling(&t, "fs.inotify.max_user_watches");
}

static void without_inotify_all_is_polled(void **state)
{
    (void)state;
    struct trial t = {0};
    make_folders();
    allowed = 1000;
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(uv_loop_init(&t.loop), 0);
    log_init(&t.log, LOG_WARN, true);
    assert_int_equal(pipe(ends), 0);
    t.log.fd = ends[1];
    struct sources_rules rules = {.root = at("root")};
    struct error err;
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    t.sources = sources_create(&t.loop, &t.log, &rules, 10 * NS_PER_MS, on_sources, &t, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_non_null(t.sources);
    assert_true(sources_is_polling(t.sources));
    while (sources_count(t.sources) < 9) { /* no descriptor to look with, up to here */
        wait_for_event(&t.loop);
        turn(&t.loop);
    }
    (void)expect_some(&t);
    sh("echo more >root/d4/deep/f4.c");
    expect(&t, "d4/deep/f4.c", 1);
    sh("rm -r root");
    assert_int_equal(expect_some(&t), 9);
    sh("mkdir root && echo 1 >root/a.c");
    expect(&t, "a.c", 1);
    end_telling(&t, "fs.inotify.max_user_instances");
}

static void events_that_were_lost_are_made_up_for(void **state)
{
    (void)state;
    unsigned most = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    if (file == NULL || fscanf(file, "%u", &most) != 1 || most > 200000) {
        print_message("no such limit: not tried\n");
        return;
    }
    assert_int_equal(fclose(file), 0);
    struct trial t;
    make_folders();
    allowed = 1000;
    struct sources_rules rules = {.root = at("root")};
    begin_with(&t, &rules, 0);
    int a = open(at("root/a.txt"), O_WRONLY | O_CREAT, 0600);
    assert_true(a >= 0 && close(a) == 0);
    for (unsigned i = 0; i < most; i++) { /* two names in turn: what is alike is one event */
        int fd = open(at(i % 2 == 0 ? "root/a.txt" : "root/b.txt"), O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0 && close(fd) == 0);
    }
    sh("echo more >root/d1/deep/f1.c && rm -r root/d2 && mkdir root/new && echo 1 >root/new/n.c");
    size_t count = expect_some(&t);
    assert_int_equal(count, 3);
    sh("echo more >root/new/n.c");
    expect(&t, "new/n.c", 1);
    assert_false(sources_is_polling(t.sources));
    end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_enough_watches_the_rest_is_polled_and_it_is_said_once),
        TEST(watches_that_come_free_are_taken),
        TEST(files_by_name_are_polled_too),
        TEST(without_inotify_all_is_polled),
        TEST(events_that_were_lost_are_made_up_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
