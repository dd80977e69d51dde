/* Fingers, pastes and floods. */
#include "terminal/key_press.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KNOWN "rp zq?"
#define START (100 * NS_PER_S)

static size_t take(struct key_press *press, const char *bytes, uint64_t ms)
{
    return key_press_take(press, KNOWN, bytes, strlen(bytes), START + ms * NS_PER_MS);
}

static void a_key_counts(void **state)
{
    (void)state;
    struct key_press press = {0};
    assert_int_equal(take(&press, "r", 0), 1);
    assert_int_equal(take(&press, " ", 1), 1);
    assert_int_equal(take(&press, "q", 2), 1);
}

static void keys_that_come_together_count(void **state)
{
    (void)state;
    struct key_press press = {0};
    assert_int_equal(take(&press, "   ", 0), 3);
    assert_int_equal(take(&press, "p ", 1), 2);
}

static void an_unknown_key_is_ignored_and_the_next_one_counts(void **state)
{
    (void)state;
    struct key_press press = {0};
    assert_int_equal(take(&press, "x", 0), 0);
    assert_int_equal(take(&press, "\n", 1), 0);
    assert_int_equal(take(&press, "p", 2), 1);
    assert_int_equal(key_press_take(&press, KNOWN, "\0", 1, START + 3 * NS_PER_MS), 0);
}

static void an_arrow_is_no_key_of_ours(void **state)
{
    (void)state;
    struct key_press press = {0};
    assert_int_equal(take(&press, "\033[A", 0), 0);
    assert_int_equal(take(&press, "\033Oq", 200), 0);
    assert_int_equal(take(&press, "q", 400), 1);
}

static void pasted_text_is_ignored_to_its_end(void **state)
{
    (void)state;
    struct key_press press = {0};
    assert_int_equal(take(&press, "quit", 0), 0);
    assert_int_equal(take(&press, "q", 10), 0);  /* its rest */
    assert_int_equal(take(&press, "q", 100), 0); /* and the rest of that */
    assert_int_equal(take(&press, "q", 200), 1);
    assert_int_equal(take(&press, "ppppppppp", 300), 0); /* more than fingers give at once */
}

static void a_flood_of_single_keys_is_cut(void **state)
{
    (void)state;
    struct key_press press = {0};
    size_t counted = 0;
    for (unsigned i = 0; i < 10000; i++) {
        counted += key_press_take(&press, KNOWN, "p", 1, START + i * 10 * NS_PER_US);
    }
    assert_in_range(counted, 1, 50);
    assert_int_equal(take(&press, "p", 5000), 1);
}

static void a_key_held_down_counts_each_time(void **state)
{
    (void)state;
    struct key_press press = {0};
    size_t counted = 0;
    for (unsigned i = 0; i < 300; i++) {
        counted += take(&press, " ", i * 33);
    }
    assert_int_equal(counted, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_counts),
        cmocka_unit_test(keys_that_come_together_count),
        cmocka_unit_test(an_unknown_key_is_ignored_and_the_next_one_counts),
        cmocka_unit_test(an_arrow_is_no_key_of_ours),
        cmocka_unit_test(pasted_text_is_ignored_to_its_end),
        cmocka_unit_test(a_flood_of_single_keys_is_cut),
        cmocka_unit_test(a_key_held_down_counts_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
