/* Exactly those files that a compiler read, and no rules. */
#define _GNU_SOURCE
#include "sources_trial.h"

static const struct timespec never = {0};

static void begin_files(struct trial *t)
{
    struct sources_rules rules = {.root = trial_dir, .files_only = true};
    begin_with(t, &rules, 0);
    assert_int_equal(sources_count(t->sources), 0);
}

static void set(struct trial *t, const char *const *names, struct timespec since)
{
    char paths[8][512];
    const char *list[8];
    size_t count = 0;
    for (; names[count] != NULL; count++) {
        (void)snprintf(paths[count], sizeof paths[count], "%s",
                       names[count][0] == '/' ? names[count] : at(names[count]));
        list[count] = paths[count];
    }
    struct error err;
    assert_true(sources_set_files(t->sources, list, count, since, &err));
}

static void only_the_files_that_are_set_count(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir src inc && touch src/a.c src/b.c inc/c.h inc/d.h");
    begin_files(&t);
    const char *const names[] = {"src/a.c", "inc/c.h", "/usr/include/stdio.h", NULL};
    set(&t, names, never);
    assert_true(sources_count(t.sources) >= 2);
    sh("echo 2 >src/b.c && echo 2 >inc/d.h && echo 2 >src/a.c");
    expect(&t, "src/a.c", 1);
    sh("echo 2 >inc/c.h");
    expect(&t, "inc/c.h", 1);
    sh("echo 3 >inc/new && mv inc/new inc/c.h");
    expect(&t, "inc/c.h", 1);
    end(&t);
}

static void another_list_takes_the_place_of_the_first(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir src inc && touch src/a.c src/b.c inc/c.h");
    begin(&t); /* by rules, up to here */
    assert_int_equal(sources_count(t.sources), 3);
    const char *const first[] = {"src/a.c", "inc/c.h", NULL}, *const second[] = {"src/b.c", NULL};
    set(&t, first, never);
    assert_int_equal(sources_count(t.sources), 2);
    set(&t, second, never);
    assert_int_equal(sources_count(t.sources), 1);
    sh("echo 2 >src/a.c && echo 2 >inc/c.h && echo 2 >src/b.c");
    expect(&t, "src/b.c", 1);
    set(&t, first, never);
    sh("echo 2 >src/b.c && echo 2 >inc/c.h");
    expect(&t, "inc/c.h", 1);
    end(&t);
}

static void a_save_while_the_compiler_ran_is_told_once(void **state)
{
    (void)state;
    struct trial t;
    sh("touch a.c b.h c.h && touch -d '2020-01-01' a.c && touch -d '2030-01-01' b.h");
    begin_files(&t);
    const char *const first[] = {"a.c", NULL}, *const second[] = {"a.c", "b.h", NULL};
    set(&t, first, never);
    struct timespec since = {.tv_sec = 1600000000};
    set(&t, second, since); /* b.h is new to it, and was saved since */
    expect(&t, "b.h", 1);
    set(&t, second, since); /* it has been told */
    put(at("a.c"), "2");
    put(at("a.c"), "3");
    set(&t, second, since); /* what was read before is kept */
    expect(&t, "a.c", 1);
    set(&t, second, since);
    put(at("a.c"), "4");
    expect(&t, "a.c", 1);
    end(&t);
}

static void missing_files_and_folders_are_waited_for(void **state)
{
    (void)state;
    struct trial t;
    sh("touch a.c");
    begin_files(&t);
    const char *const names[] = {"a.c", "gen.h", "far/away/b.h", NULL};
    set(&t, names, never);
    assert_int_equal(sources_count(t.sources), 1);
    sh("echo >other.h && echo >gen.h");
    expect(&t, "gen.h", 1);
    sh("mkdir -p far/away && echo >far/away/b.h");
    expect(&t, "far/away/b.h", 1);
    assert_int_equal(sources_count(t.sources), 3);
    sh("rm -r far");
    expect(&t, "far/away/b.h", 1);
    sh("mkdir -p far/away && echo 2 >far/away/b.h");
    expect(&t, "far/away/b.h", 1);
    sh("mv far further && mkdir -p far/away");
    expect(&t, "far/away/b.h", 1);
    sh("echo 3 >further/away/b.h && echo 3 >far/away/b.h");
    expect(&t, "far/away/b.h", 1);
    end(&t);
}

static void the_file_behind_a_link_and_odd_spellings_are_watched(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p src/deep out && echo 1 >out/real.c && ln -s ../out/real.c src/a.c && touch "
       "src/b.h");
    begin_files(&t);
    const char *const names[] = {"src/a.c", "src/deep/../b.h", NULL};
    set(&t, names, never);
    assert_int_equal(sources_count(t.sources), 2);
    sh("echo 2 >out/real.c");
    expect(&t, "src/a.c", 1);
    sh("echo 2 >src/b.h");
    run_until(&t.loop, any_told, &t);
    assert_non_null(strstr(t.path, "b.h"));
    end(&t);
}

static void an_empty_list_watches_nothing(void **state)
{
    (void)state;
    struct trial t;
    sh("touch a.c");
    begin_files(&t);
    const char *const one[] = {"a.c", NULL}, *const none[] = {NULL};
    set(&t, one, never);
    set(&t, none, never);
    assert_int_equal(sources_count(t.sources), 0);
    sh("echo 2 >a.c");
    set(&t, one, never);
    sh("echo 3 >a.c");
    expect(&t, "a.c", 1);
    end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_the_files_that_are_set_count),
        TEST(another_list_takes_the_place_of_the_first),
        TEST(a_save_while_the_compiler_ran_is_told_once),
        TEST(missing_files_and_folders_are_waited_for),
        TEST(the_file_behind_a_link_and_odd_spellings_are_watched),
        TEST(an_empty_list_watches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
