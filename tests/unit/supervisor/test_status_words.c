/* The status line's text. */
#include "supervisor/status_words.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct status_facts usual = {.name = "game",
                                          .word = "",
                                          .generation = 3,
                                          .rate = RATE_HZ,
                                          .rate_hz = 60,
                                          .late = 2,
                                          .loaded_ns = 12 * NS_PER_S,
                                          .took_ns = 410 * NS_PER_US,
                                          .how = "reload",
                                          .state_bytes = 1234};

/* Without the spaces at its end; the width is checked. */
static void expect(const struct status_facts *facts, unsigned columns, const char *words)
{
    struct text out = {0};
    status_words(facts, columns, false, &out);
    assert_int_equal(out.len, columns); /* in ASCII */
    while (out.len > 0 && out.data[out.len - 1] == ' ') {
        out.data[--out.len] = '\0';
    }
    assert_string_equal(text_string(&out), words);
    text_finish(&out);
}

static void one_look_tells_how_things_stand(void **state)
{
    (void)state;
    expect(&usual, 100,
           " game  generation 3  60 Hz  2 late  reload 12 s ago, 0.41 ms  state 1.2 KB");
}

static void what_is_out_of_the_ordinary_comes_first(void **state)
{
    (void)state;
    struct status_facts facts = usual;
    facts.word = "held";
    expect(&facts, 100,
           " game  held  generation 3  60 Hz  2 late  reload 12 s ago, 0.41 ms  state 1.2 KB");
}

static void before_anything_runs_there_is_only_that(void **state)
{
    (void)state;
    struct status_facts facts = {
        .name = "libgame.so", .word = "waiting for the library", .how = ""};
    expect(&facts, 80, " libgame.so  waiting for the library");
}

static void the_less_important_goes_first_when_it_is_narrow(void **state)
{
    (void)state;
    struct status_facts facts = usual;
    facts.word = "paused, step 81,204";
    expect(&facts, 80, " game  paused, step 81,204  generation 3  60 Hz  reload 12 s ago, 0.41 ms");
    expect(&facts, 60, " game  paused, step 81,204  generation 3  60 Hz  2 late");
    expect(&facts, 40, " game  paused, step 81,204  60 Hz");
}

static void other_paces_have_no_late_steps(void **state)
{
    (void)state;
    struct status_facts facts = usual;
    facts.rate = RATE_MAX;
    expect(&facts, 60, " game  generation 3  max  reload 12 s ago, 0.41 ms");
    facts.rate = RATE_ONCE;
    expect(&facts, 70, " game  generation 3  once  reload 12 s ago, 0.41 ms  state 1.2 KB");
}

static void times_have_the_unit_that_fits(void **state)
{
    (void)state;
    static const struct {
        uint64_t ago_s, took_us;
        const char *words;
    } times[] = {{0, 410, "just now, 0.41 ms"},
                 {59, 9990, "59 s ago, 9.99 ms"},
                 {60, 12000, "1 min ago, 12 ms"},
                 {7200, 9999000, "2 h ago, 9999 ms"},
                 {200000, 61000000, "2 days ago, 61 s"}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct status_facts facts = usual;
        struct text out = {0};
        facts.loaded_ns = times[i].ago_s * NS_PER_S + 1;
        facts.took_ns = times[i].took_us * NS_PER_US;
        status_words(&facts, 100, false, &out);
        assert_non_null(strstr(text_string(&out), times[i].words));
        text_finish(&out);
    }
}

static void a_long_name_is_cut_by_columns(void **state)
{
    (void)state;
    struct status_facts facts = {.how = "", .word = "held"};
    struct text out = {0};
    facts.name = "the-name-of-a-game-that-never-ends";
    expect(&facts, 80, " the-name-of-a-game-th...  held");
    expect(&facts, 40, " the-name-...  held");
    expect(&facts, 200, " the-name-of-a-game-that-never-ends  held");
    facts.name = "\xe6\xb8\xb8\xe6\x88\x8f\033[2J";
    status_words(&facts, 40, false, &out);
    assert_int_equal(out.len, 40 + 2); /* two characters of three bytes and two columns */
    assert_null(strchr(out.data, '\033'));
    text_finish(&out);
}

static void keys_are_pointed_out_at_the_right(void **state)
{
    (void)state;
    struct status_facts facts = usual;
    facts.keys = true;
    facts.state_bytes = 0;
    expect(&facts, 80,
           " game  generation 3  60 Hz  2 late  reload 12 s ago, 0.41 ms  no state   ? keys");
    expect(&facts, 75, " game  generation 3  60 Hz  2 late  reload 12 s ago, 0.41 ms  no state");
}

static void colours_are_there_only_when_they_are_wanted(void **state)
{
    (void)state;
    struct status_facts facts = {.name = "game", .how = "", .word = "held", .tone = STATUS_BAD};
    struct text out = {0};
    status_words(&facts, 40, true, &out);
    assert_non_null(strstr(text_string(&out), "\033[31mheld\033[39m"));
    assert_string_equal(out.data + out.len - 4, "\033[0m");
    text_clear(&out);
    status_words(&facts, 40, false, &out);
    assert_null(strchr(text_string(&out), '\033'));
    text_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_look_tells_how_things_stand),
        cmocka_unit_test(what_is_out_of_the_ordinary_comes_first),
        cmocka_unit_test(before_anything_runs_there_is_only_that),
        cmocka_unit_test(the_less_important_goes_first_when_it_is_narrow),
        cmocka_unit_test(other_paces_have_no_late_steps),
        cmocka_unit_test(times_have_the_unit_that_fits),
        cmocka_unit_test(a_long_name_is_cut_by_columns),
        cmocka_unit_test(keys_are_pointed_out_at_the_right),
        cmocka_unit_test(colours_are_there_only_when_they_are_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
