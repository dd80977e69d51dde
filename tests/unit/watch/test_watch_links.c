/* The folders and links on the way to the file: made, moved, replaced. */
#define _GNU_SOURCE
#include "watch_trial.h"

#include <fcntl.h>

/* ---- folders ---- */

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

/* ---- links ---- */

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
        TEST(a_path_whose_folders_come_later_is_waited_for),
        TEST(a_file_that_appears_with_its_folders_at_once_is_seen),
        TEST(a_parent_that_is_moved_away_and_back_is_followed),
        TEST(a_folder_that_is_replaced_by_another_is_followed),
        TEST(a_deleted_folder_is_gone_and_comes_back),
        TEST(a_link_on_the_way_that_is_pointed_elsewhere_is_a_change),
        TEST(the_target_of_a_chain_of_links_is_watched),
        TEST(a_file_that_becomes_a_link_is_followed),
        TEST(a_link_that_points_at_itself_is_waited_for),
        TEST(whatever_happens_the_last_version_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
