#define _GNU_SOURCE /* nftw */
#include "supervisor/build.h"

#include "trial.h"

static struct build *create(uint64_t generation, const char *name)
{
    struct stage stage = {.size = 7, .hash = {generation, 1}};
    put(at(name), "library");
    struct build *build = build_create(generation, strdup(at(name)), &stage);
    assert_non_null(build);
    return build;
}

static bool is_there(const char *name)
{
    return access(at(name), F_OK) == 0;
}

static void a_build_knows_its_copy(void **state)
{
    (void)state;
    struct build *build = create(3, "g.3.so");
    assert_int_equal(build->generation, 3);
    assert_string_equal(build->path, at("g.3.so"));
    assert_int_equal(build->stage.size, 7);
    assert_int_equal(build->stage.hash.low, 3);
    assert_int_equal(build->detect_ns, 0);
    build_drop(&build);
}

static void the_copy_goes_with_the_last_reference(void **state)
{
    (void)state;
    struct build *build = create(1, "g.1.so");
    struct build *fallback = build_keep(build);
    struct build *attempt = build_keep(fallback);
    assert_ptr_equal(fallback, build);
    build_drop(&build);
    assert_null(build);
    assert_true(is_there("g.1.so"));
    build_drop(&attempt);
    assert_true(is_there("g.1.so"));
    assert_int_equal(fallback->generation, 1);
    build_drop(&fallback);
    assert_null(fallback);
    assert_false(is_there("g.1.so"));
}

static void no_build_is_kept_and_dropped_as_none(void **state)
{
    (void)state;
    struct build *none = NULL;
    assert_null(build_keep(NULL));
    build_drop(&none);
    assert_null(none);
}

static void a_copy_that_is_gone_already_is_no_trouble(void **state)
{
    (void)state;
    struct build *build = create(1, "g.1.so");
    assert_int_equal(unlink(at("g.1.so")), 0);
    build_drop(&build);
    assert_null(build);
}

static void bytes_in_quarantine_are_known_again(void **state)
{
    (void)state;
    struct quarantine quarantine = {0};
    assert_false(quarantine_has(&quarantine, (struct hash){1, 2}));
    assert_false(quarantine_has(&quarantine, (struct hash){0, 0}));
    quarantine_add(&quarantine, (struct hash){1, 2});
    assert_true(quarantine_has(&quarantine, (struct hash){1, 2}));
    assert_false(quarantine_has(&quarantine, (struct hash){2, 1}));
    assert_false(quarantine_has(&quarantine, (struct hash){1, 3}));
}

static void bytes_that_are_added_twice_are_let_go_at_once(void **state)
{
    (void)state;
    struct quarantine quarantine = {0};
    quarantine_add(&quarantine, (struct hash){1, 2});
    quarantine_add(&quarantine, (struct hash){1, 2});
    quarantine_add(&quarantine, (struct hash){3, 4});
    assert_int_equal(quarantine.count, 2);
    quarantine_remove(&quarantine, (struct hash){1, 2});
    quarantine_remove(&quarantine, (struct hash){5, 6});
    assert_false(quarantine_has(&quarantine, (struct hash){1, 2}));
    assert_true(quarantine_has(&quarantine, (struct hash){3, 4}));
}

static void the_oldest_bytes_are_forgotten_when_there_are_too_many(void **state)
{
    (void)state;
    struct quarantine quarantine = {0};
    size_t room = sizeof quarantine.hashes / sizeof quarantine.hashes[0];
    for (uint64_t i = 1; i <= room + 5; i++) {
        quarantine_add(&quarantine, (struct hash){i, i});
        assert_true(quarantine_has(&quarantine, (struct hash){i, i}));
    }
    for (uint64_t i = 1; i <= room + 5; i++) {
        assert_int_equal(quarantine_has(&quarantine, (struct hash){i, i}), i > 5);
    }
}

static void expect_name(const char *pattern, const char *library, const char *expected)
{
    char *name = build_file_name(pattern, library, 7);
    assert_non_null(name);
    assert_string_equal(name, expected);
    free(name);
}

static void a_copy_is_named_by_its_pattern(void **state)
{
    (void)state;
    char pid[64];
    (void)snprintf(pid, sizeof pid, "libgame-%ld-7.so", (long)getpid());
    expect_name("{name}-{pid}-{generation}.so", "/a.b/libgame.so", pid);
    expect_name("{name}.{generation}.so", "libgame.so.1.2", "libgame.7.so");
    expect_name("{generation}{generation}", "libgame.so", "77");
    expect_name("x", "libgame.so", "x");
    expect_name("{name}", "nodot", "nodot");
}

static void what_is_no_placeholder_stays_as_it_is(void **state)
{
    (void)state;
    expect_name("{Name}{}{name {generation", "l.so", "{Name}{}{name {generation");
    expect_name("{{name}}", "l.so", "{l}");
    expect_name("%s%n{generation}", "l.so", "%s%n7");
    expect_name("{name}", "{pid}.so", "{pid}");
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, trial_setup, trial_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_build_knows_its_copy),
        IN_A_FOLDER(the_copy_goes_with_the_last_reference),
        cmocka_unit_test(no_build_is_kept_and_dropped_as_none),
        IN_A_FOLDER(a_copy_that_is_gone_already_is_no_trouble),
        cmocka_unit_test(bytes_in_quarantine_are_known_again),
        cmocka_unit_test(bytes_that_are_added_twice_are_let_go_at_once),
        cmocka_unit_test(the_oldest_bytes_are_forgotten_when_there_are_too_many),
        cmocka_unit_test(a_copy_is_named_by_its_pattern),
        cmocka_unit_test(what_is_no_placeholder_stays_as_it_is),
    };
    return cmocka_run_group_tests_name("supervisor: build", tests, NULL, NULL);
}
