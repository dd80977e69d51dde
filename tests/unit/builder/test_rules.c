/* What is a source by its path, and the small parts below: quiet times, tables, fingerprints. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "builder/changes.h"
#include "builder/nature.h"
#include "builder/rules.h"
#include "builder/table.h"
#include "builder/written.h"

#include "trial.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void names_are_what_people_take_them_for(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "a.c",          "a.h",        "a.cpp",     "a.c++",    "a.rs",           "a.zig",
        "a.s",          "a.S",        "a.wgsl",    "a.comp",   "meson.build",    "Makefile",
        "Cargo.toml",   "Cargo.lock", "build.zig", "rules.mk", "CMakeLists.txt", "x.cmake",
        "version.h.in", "api.def",    "link.ld",   "lib.map",  "gram.y",         "build.ninja",
    };
    static const char *const others[] = {
        "a",         "a.",    "c",     ".c",     "a.o",          "a.so",
        "notes.txt", "a.png", "a.cc~", "a.json", "Makefile.old", "a.c.swp",
        "README.md", "a.py",  "a.c b", "a. ",
    };
    for (size_t i = 0; i < COUNT(sources); i++) {
        if (!nature_is_source(sources[i]) || nature_is_leaving(sources[i])) {
            fail_msg("%s is no source", sources[i]);
        }
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        if (nature_is_source(others[i])) {
            fail_msg("%s is a source", others[i]);
        }
    }
    assert_true(nature_tells_output("anything", "CMakeCache.txt"));
    assert_true(nature_tells_output("build-debug", "build.ninja"));
    assert_false(nature_tells_output("src", "build.ninja"));
    assert_true(nature_is_output("bazel-out"));
}

static void paths_are_told_from_the_root(void **state)
{
    (void)state;
    const char *const watch[] = {"/there/root/src", "lib/*.c", "../other", ".", NULL};
    struct sources_rules said = {.root = "/there/root", .watch = watch};
    struct error err;
    struct rules *rules = rules_create(&said, &err);
    assert_non_null(rules);
    size_t count;
    const char *const *bases = rules_bases(rules, &count);
    static const char *const wanted[] = {"/there/root/src", "/there/root/lib",
                                         "/there/root/../other", "/there/root"};
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(bases[i], wanted[i]);
    }
    assert_string_equal(rules_told(rules, "/there/root/a/b.c"), "a/b.c");
    assert_string_equal(rules_told(rules, "/there/rooted/b.c"), "/there/rooted/b.c");
    assert_true(rules_take_file(rules, "/there/root/x.png"));
    assert_false(rules_take_file(rules, "/there/root/x.o"));
    assert_false(rules_take_file(rules, "/there/root/.x.c"));
    assert_false(rules_enter_folder(rules, "/there/root/.git"));
    rules_destroy(rules);
    rules_destroy(NULL);
}

/* ---- quiet times ---- */

static void quiet_times_are_as_promised(void **state)
{
    (void)state;
    struct changes changes = {0};
    uint64_t at_ns = 1000 * NS_PER_MS;
    changes_add(&changes, "/a", CHANGE_WHOLE, true, at_ns);
    assert_int_equal(changes_due_ns(&changes), at_ns + 1 * NS_PER_MS);
    changes_add(&changes, "/a", CHANGE_WHOLE, true, at_ns + 5);
    assert_int_equal(changes_due_ns(&changes), at_ns + 5 + 1 * NS_PER_MS);
    assert_int_equal(changes.count, 1);
    changes_add(&changes, "/a", CHANGE_LEFT, true, at_ns + 6);
    assert_int_equal(changes_due_ns(&changes), at_ns + 6 + 30 * NS_PER_MS);
    changes_add(&changes, "/b", CHANGE_WHOLE, false, at_ns + 7);
    assert_int_equal(changes_due_ns(&changes), at_ns + 7 + 30 * NS_PER_MS);
    changes_add(&changes, "/b", CHANGE_OPENED, false, at_ns + 8);
    assert_int_equal(changes_due_ns(&changes), at_ns + 500 * NS_PER_MS);
    changes_add(&changes, "/b", CHANGE_WHOLE, false, at_ns + 490 * NS_PER_MS);
    assert_int_equal(changes_due_ns(&changes), at_ns + 500 * NS_PER_MS);
    changes_add(&changes, "/bc", CHANGE_WHOLE, false, at_ns + 9);
    changes_add(&changes, "/b/c", CHANGE_WHOLE, false, at_ns + 9);
    changes_drop_below(&changes, "/b");
    assert_int_equal(changes.count, 3);
    changes_add(&changes, "/bc", CHANGE_WHOLE, false, at_ns + 9);
    assert_int_equal(changes.count, 3);
    changes_clear(&changes);
    assert_int_equal(changes.count, 0);
    changes_finish(&changes);
}

static void who_changed_it_is_the_builds_only_when_all_came_while_it_ran(void **state)
{
    (void)state;
    struct changes changes = {0};
    changes_add(&changes, "/a", CHANGE_WHOLE, true, 1);
    changes.building = true;
    changes_add(&changes, "/a", CHANGE_WHOLE, true, 2);
    changes_add(&changes, "/b", CHANGE_WHOLE, true, 3);
    changes_add(&changes, "/c", CHANGE_WHOLE, true, 3);
    changes.building = false;
    changes_add(&changes, "/c", CHANGE_WHOLE, true, 4);
    assert_false(changes.list[0].by_build);
    assert_true(changes.list[1].by_build);
    assert_false(changes.list[2].by_build);
    changes_finish(&changes);
}

/* ---- tables ---- */

static void a_table_holds_what_was_put_and_not_removed(void **state)
{
    (void)state;
    struct table table = {0};
    static char there[5000];
    uint64_t seed = 7;
    for (unsigned round = 0; round < 60000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t key = (size_t)(seed >> 40) % COUNT(there);
        if ((seed >> 33) % 3 == 0) {
            table_remove(&table, key);
            there[key] = 0;
        } else {
            assert_true(table_put(&table, key, &there[key]));
            there[key] = 1;
        }
    }
    size_t count = 0;
    for (size_t key = 0; key < COUNT(there); key++) {
        assert_ptr_equal(table_get(&table, key), there[key] == 1 ? &there[key] : NULL);
        count += there[key] == 1 ? 1 : 0;
    }
    assert_int_equal(table.count, count);
    table_finish(&table);
    assert_null(table_get(&table, 1));
    table_remove(&table, 1);
}

/* ---- fingerprints ---- */

static enum written_verdict build_writes(struct written *written, const char *text,
                                         enum written_asked asked, uint64_t after_ms)
{
    static uint64_t now_ns = 1000 * NS_PER_S;
    now_ns += 60 * NS_PER_S;
    written_build_began(written, asked, now_ns);
    put(at("version.h"), text);
    return written_judge(written, at("version.h"), true, now_ns + after_ms * NS_PER_MS);
}

/* Up to what makes it suspect. */
static void three_builds_write(struct written *written)
{
    assert_int_equal(build_writes(written, "0", WRITTEN_BY_PERSON, 200), WRITTEN_OTHER);
    assert_int_equal(build_writes(written, "1", WRITTEN_BY_BUILDS, 210), WRITTEN_OTHER);
    assert_int_equal(build_writes(written, "2", WRITTEN_BY_BUILDS, 190), WRITTEN_OTHER);
    assert_int_equal(build_writes(written, "3", WRITTEN_BY_BUILDS, 230), WRITTEN_SUSPECT);
}

static void three_other_ones_in_a_row_are_suspect_and_two_more_enough(void **state)
{
    (void)state;
    struct written written = {0};
    three_builds_write(&written);
    assert_int_equal(build_writes(&written, "4", WRITTEN_BY_SUSPICION, 200), WRITTEN_SUSPECT);
    assert_int_equal(build_writes(&written, "5", WRITTEN_BY_SUSPICION, 210), WRITTEN_LEAVING);
    assert_int_equal(build_writes(&written, "6", WRITTEN_BY_BUILDS, 200), WRITTEN_LEFT_OUT);
    written_forget(&written, at("version.h"));
    assert_int_equal(build_writes(&written, "7", WRITTEN_BY_PERSON, 200), WRITTEN_OTHER);
    assert_int_equal(build_writes(&written, "7", WRITTEN_BY_PERSON, 200), WRITTEN_SAME);
    written_finish(&written);
}

static void a_suspect_that_is_written_at_any_time_is_not_left_out(void **state)
{
    (void)state;
    struct written written = {0};
    three_builds_write(&written);
    for (unsigned i = 4; i < 20; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%u", i);
        assert_int_equal(build_writes(&written, text, WRITTEN_BY_SUSPICION, 1000 + 2000 * (i % 2)),
                         WRITTEN_SUSPECT);
    }
    written_finish(&written);
}

static void builds_that_are_ended_for_others_do_not_count(void **state)
{
    (void)state;
    struct written written = {0};
    for (unsigned i = 0; i < 20; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%u", i);
        assert_int_equal(build_writes(&written, text, WRITTEN_BY_BUILDS, 200), WRITTEN_OTHER);
        written_build_ended(&written, false);
    }
    written_finish(&written);
}

static void one_that_somebody_asked_for_breaks_the_row(void **state)
{
    (void)state;
    struct written written = {0};
    for (unsigned i = 0; i < 20; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%u", i);
        enum written_asked asked = i % 3 == 0 ? WRITTEN_BY_PERSON : WRITTEN_BY_BUILDS;
        assert_int_equal(build_writes(&written, text, asked, 200), WRITTEN_OTHER);
    }
    written_finish(&written);
}

static void writes_at_any_time_of_a_build_take_twice_as_many(void **state)
{
    (void)state;
    struct written written = {0};
    unsigned until = 0;
    static const uint64_t after_ms[] = {100, 900, 3000, 400, 2000, 700, 5000, 1200};
    while (until < COUNT(after_ms)) {
        char text[8];
        (void)snprintf(text, sizeof text, "%u", until);
        enum written_asked asked = until > 0 ? WRITTEN_BY_BUILDS : WRITTEN_BY_PERSON;
        if (build_writes(&written, text, asked, after_ms[until]) != WRITTEN_OTHER) {
            break;
        }
        until++;
    }
    assert_int_equal(until, 6);
    written_finish(&written);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(names_are_what_people_take_them_for),
        TEST(paths_are_told_from_the_root),
        TEST(quiet_times_are_as_promised),
        TEST(who_changed_it_is_the_builds_only_when_all_came_while_it_ran),
        TEST(a_table_holds_what_was_put_and_not_removed),
        TEST(three_other_ones_in_a_row_are_suspect_and_two_more_enough),
        TEST(a_suspect_that_is_written_at_any_time_is_not_left_out),
        TEST(builds_that_are_ended_for_others_do_not_count),
        TEST(one_that_somebody_asked_for_breaks_the_row),
        TEST(writes_at_any_time_of_a_build_take_twice_as_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
