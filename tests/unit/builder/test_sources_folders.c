/* Folders that come, go and move, links, and what is no source there. */
#define _GNU_SOURCE
#include "sources_trial.h"

static void begin_watching(struct trial *t, const char *const *watch)
{
    struct sources_rules rules = {.root = trial_dir, .watch = watch, .gitignore = true};
    begin_with(t, &rules, 0);
}

/* ---- coming and going ---- */

static void what_came_before_the_watch_on_its_folder_counts(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    sh("mkdir -p src/a/b && echo 1 >src/one.c && echo 2 >src/a/b/two.c");
    assert_int_equal(expect_some(&t), 2);
    put(at("src/a/b/two.c"), "more");
    expect(&t, "src/a/b/two.c", 1);
    assert_int_equal(sources_count(t.sources), 2);
    end(&t);
}

static void a_copied_tree_is_one_telling(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p src/a/b/c src/d && for i in 1 2 3 4 5; do echo $i >src/a/b/c/f$i.c; done && "
       "echo >src/d/g.h && echo >src/notes.txt");
    begin(&t);
    assert_int_equal(sources_count(t.sources), 6);
    sh("cp -r src copy");
    assert_int_equal(expect_some(&t), 6);
    assert_int_equal(sources_count(t.sources), 12);
    expect_nothing(&t);
    end(&t);
}

static void folders_may_lie_as_deep_as_a_path_can_be(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir deep && cd deep && i=0 && while [ $i -lt 1900 ]; do mkdir d && cd d && "
       "i=$((i + 1)) || exit; done && echo >a.c");
    begin(&t);
    assert_int_equal(sources_count(t.sources), 1);
    sh("mv deep other");
    assert_int_equal(expect_some(&t), 2);
    assert_int_equal(sources_count(t.sources), 1);
    end(&t);
}

static void a_moved_folder_goes_on_at_its_new_place(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p src/deep && echo 1 >src/deep/a.c");
    begin(&t);
    sh("mv src lib");
    assert_int_equal(expect_some(&t), 2); /* gone there, come here */
    put(at("lib/deep/a.c"), "more");
    expect(&t, "lib/deep/a.c", 1);
    assert_int_equal(sources_count(t.sources), 1);
    end(&t);
}

static void a_folder_that_was_moved_out_says_nothing_any_more(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p root/src/deep out && echo 1 >root/src/deep/a.c");
    struct sources_rules rules = {.root = at("root")};
    begin_with(&t, &rules, 0);
    sh("mv root/src out/src");
    expect(&t, "src/deep/a.c", 1);
    sh("echo 2 >out/src/deep/a.c && echo 3 >out/src/b.c && echo >root/last.c");
    expect(&t, "last.c", 1);
    sh("mv out/src root/src");
    assert_int_equal(expect_some(&t), 2);
    end(&t);
}

static void folders_that_change_places_keep_their_names(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir one two && echo 1 >one/a.c && echo 2 >two/b.c");
    begin(&t);
    sh("mv one x && mv two one && mv x two");
    (void)expect_some(&t);
    put(at("two/a.c"), "more");
    expect(&t, "two/a.c", 1);
    put(at("one/b.c"), "more");
    expect(&t, "one/b.c", 1);
    assert_int_equal(sources_count(t.sources), 2);
    end(&t);
}

static void a_folder_that_is_removed_and_comes_back_is_watched(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p src/deep && echo 1 >src/deep/a.c");
    begin(&t);
    for (int i = 0; i < 3; i++) {
        sh("rm -rf src");
        expect(&t, "src/deep/a.c", 1);
        assert_int_equal(sources_count(t.sources), 0);
        sh("mkdir -p src/deep && echo 2 >src/deep/a.c");
        expect(&t, "src/deep/a.c", 1);
        put(at("src/deep/a.c"), "more");
        expect(&t, "src/deep/a.c", 1);
    }
    sh("rm -rf src && mkdir -p src/deep && echo 3 >src/deep/a.c"); /* at once */
    expect(&t, "src/deep/a.c", 1);
    put(at("src/deep/a.c"), "more");
    expect(&t, "src/deep/a.c", 1);
    end(&t);
}

static void the_root_may_go_and_come_back(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p way/root/src && echo 1 >way/root/src/a.c");
    struct sources_rules rules = {.root = at("way/root")};
    begin_with(&t, &rules, 0);
    sh("rm -rf way/root");
    expect(&t, "src/a.c", 1);
    sh("mkdir -p way/root/src && echo 2 >way/root/src/a.c");
    expect(&t, "src/a.c", 1);
    sh("rm -rf way");
    expect(&t, "src/a.c", 1);
    assert_false(sources_is_polling(t.sources));
    sh("mkdir -p way/root/src && echo 2 >way/root/src/a.c");
    expect(&t, "src/a.c", 1);
    sh("echo 3 >way/root/src/a.c");
    expect(&t, "src/a.c", 1);
    end(&t);
}

static void a_folder_above_the_root_may_be_moved(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p way/root && echo 1 >way/root/a.c");
    struct sources_rules rules = {.root = at("way/root")};
    begin_with(&t, &rules, 0);
    sh("mv way away");
    expect(&t, "a.c", 1);
    sh("echo 2 >away/root/a.c && mkdir -p way/root && echo 3 >way/root/b.c");
    expect(&t, "b.c", 1);
    end(&t);
}

static void a_root_that_is_missing_is_waited_for(void **state)
{
    (void)state;
    struct trial t;
    struct sources_rules rules = {.root = at("not/there/at/all")};
    begin_with(&t, &rules, 0);
    assert_int_equal(sources_count(t.sources), 0);
    sh("mkdir -p not/there/at/all && echo 1 >not/there/at/all/a.c");
    expect(&t, "a.c", 1);
    sh("echo 2 >not/there/at/all/a.c");
    expect(&t, "a.c", 1);
    end(&t);
}

static void a_folder_that_opens_is_looked_into(void **state)
{
    (void)state;
    struct trial t;
    if (geteuid() == 0) {
        print_message("root may read everything: not tried\n");
        return;
    }
    sh("mkdir closed && echo 1 >closed/a.c && chmod 0 closed");
    begin(&t);
    assert_int_equal(sources_count(t.sources), 0);
    sh("chmod 700 closed");
    expect(&t, "closed/a.c", 1);
    end(&t);
}

/* ---- links ---- */

static void a_link_to_a_folder_is_followed_once_and_never_in_a_circle(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p root/src out/more && echo 1 >out/more/a.c && echo 2 >root/src/b.c && "
       "ln -s ../out root/linked && ln -s ../out root/twice && ln -s . root/self && "
       "ln -s .. root/src/up && ln -s / root/src/all && ln -s nowhere root/broken");
    struct sources_rules rules = {.root = at("root")};
    begin_with(&t, &rules, 0);
    assert_int_equal(sources_count(t.sources), 2);
    sh("echo 3 >out/more/a.c");
    run_until(&t.loop, any_told, &t);
    assert_true(strcmp(t.path, "linked/more/a.c") == 0 || strcmp(t.path, "twice/more/a.c") == 0);
    t.told = 0;
    /* The other name takes over when the one is gone. */
    sh(t.path[0] == 'l' ? "rm root/linked" : "rm root/twice");
    (void)expect_some(&t);
    sh("echo 4 >out/more/a.c");
    run_until(&t.loop, any_told, &t);
    assert_non_null(strstr(t.path, "more/a.c"));
    end(&t);
}

static void a_link_that_comes_later_is_followed(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p root out && echo 1 >out/a.c");
    struct sources_rules rules = {.root = at("root")};
    begin_with(&t, &rules, 0);
    sh("ln -s ../out root/linked");
    expect(&t, "linked/a.c", 1);
    sh("echo 2 >out/a.c");
    expect(&t, "linked/a.c", 1);
    end(&t);
}

static void the_file_behind_a_link_is_watched_where_it_lies(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir root out && echo 1 >out/a.txt && ln -s ../out/a.txt root/a.c");
    struct sources_rules rules = {.root = at("root"), .gitignore = true};
    begin_with(&t, &rules, 0);
    assert_int_equal(sources_count(t.sources), 1);
    sh("echo 2 >out/a.txt");
    expect(&t, "a.c", 1);
    sh("echo 3 >out/new && mv out/new out/a.txt");
    expect(&t, "a.c", 1);
    sh("echo 4 >out/b.txt && echo >root/.gitignore && echo >root/last.c");
    expect(&t, "last.c", 1);
    sh("ln -sf ../out/b.txt root/a.c");
    expect(&t, "a.c", 1);
    sh("echo 5 >out/b.txt");
    expect(&t, "a.c", 1);
    end(&t);
}

static void a_root_behind_a_link_moves_with_it(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir one two && echo 1 >one/a.c && echo 2 >two/b.c && ln -s one root");
    struct sources_rules rules = {.root = at("root")};
    begin_with(&t, &rules, 0);
    sh("echo 2 >one/a.c");
    expect(&t, "a.c", 1);
    sh("ln -sfn two root");
    assert_int_equal(expect_some(&t), 2);
    sh("echo 3 >two/b.c");
    expect(&t, "b.c", 1);
    end(&t);
}

/* ---- rules ---- */

static void what_git_ignores_is_none_and_the_rules_may_change(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p gen src/deep && echo 'gen/' >.gitignore && echo '*.in' >src/.gitignore && "
       "echo 1 >gen/a.c && echo 1 >src/deep/b.in && echo 1 >src/c.c");
    begin(&t);
    assert_int_equal(sources_count(t.sources), 1);
    sh("echo 2 >gen/a.c && echo 2 >src/deep/b.in");
    expect_nothing(&t);
    sh("echo 'src/c.c' >.gitignore");
    expect(&t, "gen/a.c", 1);                      /* written just now */
    assert_int_equal(sources_count(t.sources), 2); /* and sentinel.c */
    sh("echo 3 >src/c.c");
    expect_nothing(&t);
    sh("echo 3 >gen/a.c");
    expect(&t, "gen/a.c", 1);
    sh("rm src/.gitignore");
    expect(&t, "src/deep/b.in", 1);
    assert_int_equal(sources_count(t.sources), 3);
    end(&t);
}

static void git_rules_above_the_root_and_in_info_exclude_hold(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p .git/info root/src && echo 'x.c' >.git/info/exclude && echo '/root/src/y.c' "
       ">.gitignore && touch root/src/x.c root/src/y.c root/src/z.c");
    struct sources_rules rules = {.root = at("root"), .gitignore = true};
    begin_with(&t, &rules, 0);
    assert_int_equal(sources_count(t.sources), 1);
    sh("echo nothing >.git/info/exclude");
    while (sources_count(t.sources) != 2) {
        wait_for_event(&t.loop);
        turn(&t.loop);
    }
    sh("echo nothing >.gitignore");
    while (sources_count(t.sources) != 3) {
        wait_for_event(&t.loop);
        turn(&t.loop);
    }
    end(&t);
    struct sources_rules without = {.root = at("root")};
    sh("echo '*' >.gitignore");
    begin_with(&t, &without, 0);
    assert_int_equal(sources_count(t.sources), 3);
    end(&t);
}

static void a_root_that_git_ignores_is_watched_all_the_same(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p .git scratch/root && echo '/scratch/' >.gitignore && echo '*' >scratch/.gitignore "
       "&& "
       "echo 'b.c' >scratch/root/.gitignore && touch scratch/root/a.c scratch/root/b.c");
    struct sources_rules rules = {.root = at("scratch/root"), .gitignore = true};
    begin_with(&t, &rules, 0);
    assert_int_equal(sources_count(t.sources), 1);
    sh("echo 2 >scratch/root/b.c && echo 2 >scratch/root/a.c");
    expect(&t, "a.c", 1);
    end(&t);
}

static void build_folders_are_none_by_nature(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p builddir/meson-private b/x build target/debug node_modules/m __pycache__ "
       "crate/target"
       " src/build && touch builddir/a.c b/x/b.c b/CMakeCache.txt build/build.ninja build/c.c "
       "target/CACHEDIR.TAG target/debug/d.rs node_modules/m/e.c __pycache__/f.c crate/Cargo.toml "
       "crate/target/g.rs src/build/h.c");
    begin(&t);
    assert_int_equal(sources_count(t.sources), 2); /* Cargo.toml, and build/ of no build system */
    sh("mkdir -p builds/meson-info && echo >builds/config.h && mkdir builds/meson-private && "
       "echo >builds/build.ninja && echo >builds/more.c");
    expect_nothing(&t);
    sh("rm -rf builds && mkdir builds && echo >builds/a.c"); /* a folder like any */
    expect(&t, "builds/a.c", 1);
    end(&t);
}

static void a_compilers_list_beside_its_source_is_no_source(void **state)
{
    (void)state;
    struct trial t;
    sh("touch game.c game.d other.d");
    begin(&t);
    assert_int_equal(sources_count(t.sources), 2);
    sh("echo 'game.o: game.c' >game.d");
    expect_nothing(&t);
    sh("echo more >other.d");
    expect(&t, "other.d", 1);
    end(&t);
}

static void folders_and_patterns_that_are_named_are_all_that_counts(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p src/deep include/x other .config && touch src/a.lua src/deep/b.png src/c.o "
       "src/.hidden.c include/x/d.h include/x/e.c other/f.c Makefile .config/g.c");
    const char *const watch[] = {"src", "include/**/*.h", "Makefile", ".config", "later/on", NULL};
    begin_watching(&t, watch);
    assert_int_equal(sources_count(t.sources), 5);
    sh("echo 2 >other/f.c && echo 2 >include/x/e.c && echo 2 >src/c.o && echo 2 >src/.hidden.c");
    sh("echo 2 >src/deep/b.png");
    expect(&t, "src/deep/b.png", 1);
    sh("echo 2 >include/x/d.h");
    expect(&t, "include/x/d.h", 1);
    sh("echo 2 >Makefile");
    expect(&t, "Makefile", 1);
    sh("echo 2 >.new && mv .new Makefile");
    expect(&t, "Makefile", 1);
    sh("echo 2 >.config/g.c");
    expect(&t, ".config/g.c", 1);
    sh("mkdir -p later/on && echo 1 >later/on/h.c");
    expect(&t, "later/on/h.c", 1);
    sh("rm -r later && rm Makefile");
    (void)expect_some(&t);
    sh("mkdir -p later/on && echo 1 >later/on/h.c && echo 2 >Makefile");
    assert_int_equal(expect_some(&t), 2);
    end(&t);
}

static void a_folder_beside_the_root_may_be_named(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p root/src shared && touch shared/a.c root/src/b.c");
    const char *const watch[] = {"../shared", "src", NULL};
    struct sources_rules rules = {.root = at("root"), .watch = watch};
    begin_with(&t, &rules, 0);
    assert_int_equal(sources_count(t.sources), 2);
    sh("echo 2 >shared/a.c");
    expect(&t, "../shared/a.c", 1);
    end(&t);
}

static void what_is_ignored_or_never_a_source_says_nothing(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir -p gen run src && touch gen/a.c src/b.gen.c src/c.c run/d.c src/lib.c");
    char run[512], library[512];
    (void)snprintf(run, sizeof run, "%s", at("run"));
    (void)snprintf(library, sizeof library, "%s", at("src/lib.c"));
    const char *const ignore[] = {"/gen", "*.gen.c", NULL}, *const never[] = {run, library, NULL};
    struct sources_rules rules = {.root = trial_dir, .ignore = ignore, .never = never};
    begin_with(&t, &rules, 0);
    assert_int_equal(sources_count(t.sources), 1);
    sh("for i in gen/a.c src/b.gen.c run/d.c src/lib.c; do echo 2 >$i; done");
    expect_nothing(&t);
    end(&t);
}

static void a_pattern_that_fits_nothing_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "!src", "src/[a", "src\\"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uv_loop_t loop;
        struct log log;
        struct error err = {0};
        const char *const watch[] = {wrong[i], NULL};
        struct sources_rules rules = {.root = trial_dir, .watch = watch};
        assert_int_equal(uv_loop_init(&loop), 0);
        log_init(&log, LOG_ERROR, true);
        assert_null(sources_create(&loop, &log, &rules, 0, on_sources, NULL, &err));
        assert_int_equal(err.code, ERROR_CONFIG);
        assert_non_null(strstr(err.text, "build.watch: \""));
        drain(&loop);
    }
}

static void newer_sources_are_found(void **state)
{
    (void)state;
    struct trial t;
    sh("mkdir src && touch -d '2020-01-01' src/old.c && touch -d '2021-01-01' src/new.c");
    begin(&t);
    char path[64];
    struct timespec than = {.tv_sec = 1590000000}; /* May 2020 */
    assert_true(sources_any_newer(t.sources, &than, path, sizeof path));
    assert_string_equal(path, "src/new.c");
    than.tv_sec = 1620000000;
    assert_false(sources_any_newer(t.sources, &than, path, sizeof path));
    put(at("src/old.c"), "more");
    assert_true(sources_any_newer(t.sources, &than, path, sizeof path));
    assert_string_equal(path, "src/old.c");
    expect(&t, "src/old.c", 1);
    end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_came_before_the_watch_on_its_folder_counts),
        TEST(a_copied_tree_is_one_telling),
        TEST(folders_may_lie_as_deep_as_a_path_can_be),
        TEST(a_moved_folder_goes_on_at_its_new_place),
        TEST(a_folder_that_was_moved_out_says_nothing_any_more),
        TEST(folders_that_change_places_keep_their_names),
        TEST(a_folder_that_is_removed_and_comes_back_is_watched),
        TEST(the_root_may_go_and_come_back),
        TEST(a_folder_above_the_root_may_be_moved),
        TEST(a_root_that_is_missing_is_waited_for),
        TEST(a_folder_that_opens_is_looked_into),
        TEST(a_link_to_a_folder_is_followed_once_and_never_in_a_circle),
        TEST(a_link_that_comes_later_is_followed),
        TEST(the_file_behind_a_link_is_watched_where_it_lies),
        TEST(a_root_behind_a_link_moves_with_it),
        TEST(what_git_ignores_is_none_and_the_rules_may_change),
        TEST(git_rules_above_the_root_and_in_info_exclude_hold),
        TEST(a_root_that_git_ignores_is_watched_all_the_same),
        TEST(build_folders_are_none_by_nature),
        TEST(a_compilers_list_beside_its_source_is_no_source),
        TEST(folders_and_patterns_that_are_named_are_all_that_counts),
        TEST(a_folder_beside_the_root_may_be_named),
        TEST(what_is_ignored_or_never_a_source_says_nothing),
        TEST(a_pattern_that_fits_nothing_is_refused),
        TEST(newer_sources_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
