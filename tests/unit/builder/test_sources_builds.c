/* What builds themselves write: told once, then known; and never a build without an end. */
#define _GNU_SOURCE
#include "sources_trial.h"

#include <stdatomic.h>

#define CALM_NS (60 * NS_PER_MS)

/* A builder that builds whenever a change is told, and what each of its builds does. */
struct builder {
    struct trial t;
    unsigned builds;
    unsigned slow; /* of these, such as took so long that they are not like the others */
    void (*build)(unsigned number);
    int said; /* where the log is read */
};

static void begin_builder(struct builder *b, void (*build)(unsigned number))
{
    *b = (struct builder){.build = build};
    struct sources_rules rules = {.root = trial_dir, .calm_ns = CALM_NS};
    begin_with(&b->t, &rules, 0);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    b->t.log.fd = ends[1];
    atomic_store(&b->t.log.level, LOG_WARN);
    b->said = ends[0];
}

static void run_build(struct builder *b)
{
    assert_true(++b->builds < 50);
    b->t.told = 0;
    uint64_t began = clock_ns();
    sources_build_began(b->t.sources);
    b->build(b->builds);
    sources_build_ended(b->t.sources, true);
    b->slow += clock_ns() - began >= 100 * NS_PER_MS; /* a busy machine */
}

/* Builds until nothing asks for one any more. */
static void build_on(struct builder *b)
{
    turn(&b->t.loop);
    while (b->t.told > 0 || !is_still(&b->t.loop)) {
        if (b->t.told > 0) {
            run_build(b);
        } else {
            wait_for_event(&b->t.loop);
        }
        turn(&b->t.loop);
    }
}

/* Each that took long makes two of them unlike the one before. */
static void expect_builds(const struct builder *b, unsigned least, unsigned most)
{
    assert_in_range(b->builds, least, most + 4 * b->slow);
}

/* What was warned of in all, ended by the end of the trial. */
static void end_builder(struct builder *b, char *said, size_t size)
{
    end(&b->t);
    assert_int_equal(close(b->t.log.fd), 0);
    ssize_t got = read(b->said, said, size - 1);
    assert_true(got >= 0);
    said[got] = '\0';
    assert_int_equal(close(b->said), 0);
}

static void writes_the_same(unsigned number)
{
    (void)number;
    put(at("version.h"), "#define VERSION 1\n");
}

static void the_same_bytes_again_are_no_change(void **state)
{
    (void)state;
    struct builder b;
    char said[256];
    begin_builder(&b, writes_the_same);
    put(at("game.c"), "one");
    build_on(&b);
    assert_int_equal(b.builds, 2); /* the second because version.h came */
    put(at("game.c"), "two");
    build_on(&b);
    assert_int_equal(b.builds, 3);
    end_builder(&b, said, sizeof said);
    assert_string_equal(said, "");
}

static void writes_another_one(unsigned number)
{
    char text[64];
    (void)snprintf(text, sizeof text, "#define BUILD %u\n", number);
    put(at("build_number.h"), text);
}

static void a_file_that_each_build_writes_anew_is_named_once_and_left_out(void **state)
{
    (void)state;
    struct builder b;
    char said[512];
    begin_builder(&b, writes_another_one);
    put(at("game.c"), "one");
    build_on(&b);
    expect_builds(&b, 6, 9);
    for (unsigned i = 0; i < 3; i++) {
        unsigned before = b.builds;
        put(at("game.c"), "two");
        build_on(&b);
        assert_int_equal(b.builds, before + 1);
    }
    unsigned before = b.builds;
    put(at("build_number.h"), "by hand");
    build_on(&b);
    assert_true(b.builds > before);
    end_builder(&b, said, sizeof said);
    assert_non_null(strstr(said, "build_number.h, which is a source"));
    assert_non_null(strstr(said, "build.ignore"));
}

static void writes_two(unsigned number)
{
    writes_another_one(number);
    char text[64];
    (void)snprintf(text, sizeof text, "#define TIME %u\n", number);
    put(at("time.h"), text);
}

static void two_that_each_build_writes_anew_do_not_keep_it_going(void **state)
{
    (void)state;
    struct builder b;
    char said[1024];
    begin_builder(&b, writes_two);
    put(at("game.c"), "one");
    build_on(&b);
    expect_builds(&b, 6, 9);
    end_builder(&b, said, sizeof said);
    assert_non_null(strstr(said, "build_number.h, which"));
    assert_non_null(strstr(said, "time.h, which"));
}

static void makes_another_file(unsigned number)
{
    char name[64];
    (void)snprintf(name, sizeof name, "made_%u.h", number);
    put(at(name), "made");
}

static void makes_another_file_in_place_of_the_last(unsigned number)
{
    char name[64];
    (void)snprintf(name, sizeof name, "made_%u.h", number - 1);
    (void)unlink(at(name));
    makes_another_file(number);
}

static void makes_another_folder(unsigned number)
{
    char line[128];
    (void)snprintf(line, sizeof line, "rm -rf tmp*; mkdir tmp%u && echo >tmp%u/a.h", number,
                   number);
    sh(line);
}

static void other_files_by_each_build_do_not_keep_it_going(void **state)
{
    static void (*const builds[])(unsigned number) = {
        makes_another_file, makes_another_file_in_place_of_the_last, makes_another_folder};
    (void)state;
    for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
        struct builder b;
        char said[1024];
        begin_builder(&b, builds[i]);
        put(at("game.c"), "one");
        build_on(&b);
        expect_builds(&b, 5, 10);
        unsigned before = b.builds;
        put(at("game.c"), "two");
        build_on(&b);
        assert_int_equal(b.builds, before + 1);
        put(at("by_hand.c"), "new");
        build_on(&b);
        assert_int_equal(b.builds, before + 2);
        end_builder(&b, said, sizeof said);
        assert_non_null(strstr(said, "build.ignore"));
        assert_null(strstr(strstr(said, "build.ignore") + 1, "build.ignore"));
        sh("rm -rf *");
    }
}

static void formats(unsigned number)
{
    (void)number;
    put(at("game.c"), "formatted");
}

static void a_formatter_in_the_build_ends(void **state)
{
    (void)state;
    struct builder b;
    char said[256];
    begin_builder(&b, formats);
    put(at("game.c"), "one");
    build_on(&b);
    assert_int_equal(b.builds, 2);
    put(at("game.c"), "two");
    build_on(&b);
    assert_int_equal(b.builds, 4);
    end_builder(&b, said, sizeof said);
    assert_string_equal(said, "");
}

static void removes_and_generates(unsigned number)
{
    (void)number;
    sh("rm -rf gen && mkdir gen && echo 'int x;' >gen/x.c && echo 'int y;' >gen/y.c");
}

static void a_folder_that_is_made_anew_with_the_same_bytes_is_no_change(void **state)
{
    (void)state;
    struct builder b;
    char said[256];
    begin_builder(&b, removes_and_generates);
    put(at("game.c"), "one");
    build_on(&b);
    assert_int_equal(b.builds, 2);
    put(at("game.c"), "two");
    build_on(&b);
    assert_int_equal(b.builds, 3);
    end_builder(&b, said, sizeof said);
    assert_string_equal(said, "");
}

static void links_a_program(unsigned number)
{
    char text[64];
    (void)snprintf(text, sizeof text, "\177ELF and %u", number);
    put(at("game"), text);
    put(at("game.o"), text);
}

static void a_program_beside_its_sources_is_none(void **state)
{
    (void)state;
    struct builder b = {.build = links_a_program};
    const char *const watch[] = {".", NULL};
    struct sources_rules rules = {.root = trial_dir, .watch = watch};
    begin_with(&b.t, &rules, 0);
    put(at("level.txt"), "one");
    build_on(&b);
    assert_int_equal(b.builds, 1);
    end(&b.t);
}

static struct trial *during; /* the loop that turns while a build runs */

static void wait_in_build(unsigned ms)
{
    uint64_t until = clock_ns() + ms * NS_PER_MS;
    for (turn(&during->loop); clock_ns() < until || !is_still(&during->loop); turn(&during->loop)) {
        wait_for_event(&during->loop);
    }
}

static void comes_and_goes(unsigned number)
{
    (void)number;
    put(at("temporary.c"), "int x;\n");
    wait_in_build(40);
    assert_int_equal(unlink(at("temporary.c")), 0);
    wait_in_build(40);
}

static void a_file_that_each_build_makes_and_removes_ends(void **state)
{
    (void)state;
    struct builder b;
    char said[256];
    begin_builder(&b, comes_and_goes);
    during = &b.t;
    put(at("game.c"), "one");
    build_on(&b);
    assert_in_range(b.builds, 2, 3);
    unsigned before = b.builds;
    put(at("game.c"), "two");
    build_on(&b);
    assert_int_equal(b.builds, before + 1);
    end_builder(&b, said, sizeof said);
    assert_string_equal(said, "");
}

static void a_save_during_a_build_is_told_as_any(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    put(at("game.c"), "one");
    expect(&t, "game.c", 1);
    sources_build_began(t.sources);
    put(at("game.c"), "two");
    expect(&t, "game.c", 1);
    put(at("game.c"), "three");
    expect(&t, "game.c", 1);
    sources_build_ended(t.sources, true);
    put(at("game.c"), "three"); /* somebody wants a build */
    expect(&t, "game.c", 1);
    sources_build_began(t.sources);
    put(at("game.c"), "three");
    sources_build_ended(t.sources, true);
    put(at("other.c"), "x");
    expect(&t, "game.c", 2);
    end(&t);
}

static void what_a_person_took_back_is_told_although_a_build_left_it_once(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    sources_build_began(t.sources);
    put(at("game.c"), "one");
    expect(&t, "game.c", 1);
    sources_build_ended(t.sources, true);
    put(at("game.c"), "two");
    expect(&t, "game.c", 1);
    sources_build_began(t.sources);
    put(at("game.c"), "one");
    expect(&t, "game.c", 1);
    sources_build_ended(t.sources, true);
    end(&t);
}

static void a_person_who_saves_during_build_after_build_is_heard(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    put(at("game.c"), "0");
    expect(&t, "game.c", 1);
    static const unsigned pauses[] = {400, 120, 700, 260, 30};
    for (unsigned i = 0; i < 5; i++) {
        sources_build_began(t.sources);
        during = &t;
        wait_in_build(pauses[i]);
        char text[16];
        (void)snprintf(text, sizeof text, "%u", i + 1);
        put(at("game.c"), text);
        expect(&t, "game.c", 1);
        sources_build_ended(t.sources, true);
    }
    end(&t);
}

/* As an editor does that saves by itself. */
static void who_saves_like_a_clock_and_ends_builds_by_that_is_heard(void **state)
{
    (void)state;
    struct trial t;
    begin(&t);
    put(at("game.c"), "0");
    expect(&t, "game.c", 1);
    for (unsigned i = 0; i < 8; i++) {
        sources_build_began(t.sources);
        during = &t;
        wait_in_build(20);
        char text[16];
        (void)snprintf(text, sizeof text, "%u", i + 1);
        put(at("game.c"), text);
        expect(&t, "game.c", 1);
        sources_build_ended(t.sources, false);
    }
    end(&t);
}

static void save_number(unsigned number)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", number);
    put(at("game.c"), text);
}

static void build_with_a_save(struct trial *t, unsigned number)
{
    t->told = 0;
    sources_build_began(t->sources);
    wait_in_build(10);
    save_number(number);
    wait_in_build(40);
    sources_build_ended(t->sources, true);
}

/* Where builds are let come to their end. */
static void who_saves_like_a_clock_and_then_no_more_is_heard(void **state)
{
    (void)state;
    struct trial t;
    struct sources_rules rules = {.root = trial_dir, .calm_ns = CALM_NS};
    unsigned suspected = 0;
    begin_with(&t, &rules, 0);
    during = &t;
    save_number(0);
    expect(&t, "game.c", 1);
    for (unsigned number = 1; number < 24; number += 2) {
        build_with_a_save(&t, number);
        if (t.told == 0) {
            suspected++;
            save_number(number + 1); /* as such an editor does in the pause */
            expect(&t, "game.c", 1);
        }
    }
    assert_in_range(suspected, 1, 4);
    do {
        build_with_a_save(&t, suspected++);
    } while (t.told > 0);
    expect(&t, "game.c", 1);
    end(&t);
}

static void what_a_build_removes_is_told_at_its_end(void **state)
{
    (void)state;
    struct trial t;
    put(at("old.c"), "x");
    begin(&t);
    sources_build_began(t.sources);
    assert_int_equal(unlink(at("old.c")), 0);
    during = &t;
    wait_in_build(80);
    assert_int_equal(t.told, 0);
    sources_build_ended(t.sources, true);
    expect(&t, "old.c", 1);
    end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_same_bytes_again_are_no_change),
        TEST(a_file_that_each_build_writes_anew_is_named_once_and_left_out),
        TEST(two_that_each_build_writes_anew_do_not_keep_it_going),
        TEST(other_files_by_each_build_do_not_keep_it_going),
        TEST(a_formatter_in_the_build_ends),
        TEST(a_folder_that_is_made_anew_with_the_same_bytes_is_no_change),
        TEST(a_program_beside_its_sources_is_none),
        TEST(a_file_that_each_build_makes_and_removes_ends),
        TEST(a_save_during_a_build_is_told_as_any),
        TEST(what_a_person_took_back_is_told_although_a_build_left_it_once),
        TEST(a_person_who_saves_during_build_after_build_is_heard),
        TEST(who_saves_like_a_clock_and_ends_builds_by_that_is_heard),
        TEST(who_saves_like_a_clock_and_then_no_more_is_heard),
        TEST(what_a_build_removes_is_told_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
