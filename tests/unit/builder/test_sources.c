/* The ways of saving a source, and when they are told. */
#define _GNU_SOURCE
#include "sources_trial.h"

static void what_is_there_already_is_not_told(void **state)
{
    (void)state;
    struct trial t;
    put(at("game.c"), "one");
    begin(&t);
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
    uint64_t before = clock_ns();
    put(at("game.c"), "two");
    expect(&t, "game.c", 1);
    assert_true(t.since_ns >= before && t.since_ns <= t.told_ns);
    end(&t);
}

static void a_file_in_a_new_folder_is_told(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    assert_int_equal(mkdir(at("src"), 0700), 0);
    assert_int_equal(mkdir(at("src/deep"), 0700), 0);
    put(at("src/deep/game.c"), "one");
    expect(&t, "src/deep/game.c", 1);
    put(at("src/deep/game.c"), "two");
    expect(&t, "src/deep/game.c", 1);
    end(&t);
}

static void a_storm_is_one_telling(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    for (int i = 0; i < 200; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "file%d.c", i);
        put(at(name), "x");
        turn(&t.loop);
    }
    expect(&t, "file0.c", 200);
    end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_already_is_not_told),
        TEST(a_write_in_place_is_told_when_it_is_closed),
        TEST(a_file_in_a_new_folder_is_told),
        TEST(a_storm_is_one_telling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
