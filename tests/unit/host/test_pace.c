#include "host/pace.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define START  (UINT64_C(86400) * 365 * NS_PER_S) /* a machine that has been up for a year */
#define MAX_DT (250 * NS_PER_MS)

static struct pace at_rate(double hz)
{
    struct pace pace;
    pace_init(&pace, PACE_HZ, hz, MAX_DT);
    pace_set(&pace, PACE_HZ, hz, START);
    return pace;
}

static void the_first_step_is_due_at_once(void **state)
{
    (void)state;
    struct pace pace;
    uint64_t before = clock_ns();
    pace_init(&pace, PACE_HZ, 60, MAX_DT);
    assert_in_range(pace_due(&pace), before, clock_ns());
    assert_int_equal(pace.late, 0);
}

static void a_rate_next_to_nothing_has_deadlines_too(void **state)
{
    (void)state;
    struct pace pace = at_rate(1e-320);
    assert_int_equal(pace_due(&pace), START);
    (void)pace_step(&pace, START);
    assert_int_equal(pace_due(&pace), START + UINT64_C(1000000000000000));
}

static void deadlines_lie_on_a_grid(void **state)
{
    (void)state;
    struct pace pace = at_rate(1000);
    for (uint64_t tick = 0; tick < 2000; tick++) {
        assert_int_equal(pace_due(&pace), START + tick * NS_PER_MS);
        (void)pace_step(&pace, pace_due(&pace));
    }
    assert_int_equal(pace.late, 0);
}

static void a_jitter_of_steps_does_not_move_the_grid(void **state)
{
    (void)state;
    struct pace pace = at_rate(1000);
    for (uint64_t tick = 0; tick < 2000; tick++) {
        assert_int_equal(pace_due(&pace), START + tick * NS_PER_MS);
        (void)pace_step(&pace, pace_due(&pace) + tick * 499 % NS_PER_MS);
    }
    assert_int_equal(pace.late, 0);
}

static void deadlines_do_not_drift_over_days(void **state)
{
    (void)state;
    static const double rates[] = {60, 240, 1000, 59.94, 7};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct pace pace = at_rate(rates[i]);
        const uint64_t steps = 5000000;
        for (uint64_t step = 0; step < steps; step++) {
            (void)pace_step(&pace, pace_due(&pace));
        }
        double expected = (double)steps * 1e9 / rates[i];
        double passed = (double)(pace_due(&pace) - START);
        assert_true(passed > expected - 1000 && passed < expected + 1000);
        assert_int_equal(pace.late, 0);
    }
}

static void a_late_step_leaves_out_and_counts_the_ticks_that_have_passed(void **state)
{
    (void)state;
    struct pace pace = at_rate(1000);
    (void)pace_step(&pace, START);
    (void)pace_step(&pace, START + 5 * NS_PER_MS + 1);
    assert_int_equal(pace.late, 4); /* those at 1, 2, 3 and 4 ms; this one is that of 5 ms */
    assert_int_equal(pace_due(&pace), START + 6 * NS_PER_MS);
    (void)pace_step(&pace, START + 6 * NS_PER_MS);
    assert_int_equal(pace.late, 4);
    (void)pace_step(&pace, START + 8 * NS_PER_MS);
    assert_int_equal(pace.late, 5);
    assert_int_equal(pace_due(&pace), START + 9 * NS_PER_MS);
}

static void the_next_deadline_lies_ahead_of_every_step(void **state)
{
    (void)state;
    struct pace pace = at_rate(59.94);
    uint64_t now = START;
    for (uint64_t i = 0; i < 200000; i++) {
        (void)pace_step(&pace, now);
        assert_true(pace_due(&pace) > now);
        now = pace_due(&pace) + i * i % (100 * NS_PER_MS);
    }
}

static void a_step_ahead_of_its_time_moves_no_deadline(void **state)
{
    (void)state;
    struct pace pace = at_rate(1000);
    (void)pace_step(&pace, START);
    assert_int_equal(pace_step(&pace, START + 300 * NS_PER_US), 300 * NS_PER_US);
    assert_int_equal(pace_due(&pace), START + NS_PER_MS);
    assert_int_equal(pace_step(&pace, START + NS_PER_MS), 700 * NS_PER_US);
    assert_int_equal(pace.late, 0);
}

static void dt_is_the_time_that_really_passed_up_to_a_limit(void **state)
{
    (void)state;
    struct pace pace = at_rate(1000);
    assert_int_equal(pace_step(&pace, START + 123), 0);
    assert_int_equal(pace_step(&pace, START + NS_PER_MS + 200), NS_PER_MS + 77);
    assert_int_equal(pace_step(&pace, START + NS_PER_MS + 200 + MAX_DT), MAX_DT);
    assert_int_equal(pace_step(&pace, START + 10 * NS_PER_S), MAX_DT);
    assert_int_equal(pace_step(&pace, START + 10 * NS_PER_S + 5), 5);
}

static void time_that_does_not_count_is_in_no_dt_and_in_no_late(void **state)
{
    (void)state;
    struct pace pace = at_rate(1000);
    (void)pace_step(&pace, START);
    (void)pace_step(&pace, START + NS_PER_MS);
    pace_resume(&pace, START + 3600 * NS_PER_S);
    assert_int_equal(pace_due(&pace), START + 3600 * NS_PER_S);
    assert_int_equal(pace_step(&pace, START + 3600 * NS_PER_S + 10), 0);
    assert_int_equal(pace.late, 0);
    assert_int_equal(pace_due(&pace), START + 3600 * NS_PER_S + NS_PER_MS);
}

static void another_rate_holds_from_its_moment_on(void **state)
{
    (void)state;
    struct pace pace = at_rate(60);
    (void)pace_step(&pace, START);
    pace_set(&pace, PACE_HZ, 500, START + 7);
    assert_int_equal(pace_due(&pace), START + 7);
    assert_int_equal(pace_step(&pace, START + 7), 7);
    assert_int_equal(pace_due(&pace), START + 7 + 2 * NS_PER_MS);
}

static void a_rate_of_nothing_is_as_fast_as_possible(void **state)
{
    (void)state;
    struct pace pace = at_rate(60);
    pace_set(&pace, PACE_HZ, 0, START);
    assert_int_equal(pace.kind, PACE_MAX);
    pace_set(&pace, PACE_HZ, -1, START);
    assert_int_equal(pace.kind, PACE_MAX);
    pace_set(&pace, PACE_ONCE, 0, START);
    assert_int_equal(pace.kind, PACE_ONCE);
}

static void without_a_grid_nothing_is_late(void **state)
{
    (void)state;
    static const enum pace_kind kinds[] = {PACE_MAX, PACE_ONCE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct pace pace = at_rate(60);
        pace_set(&pace, kinds[i], 0, START);
        (void)pace_step(&pace, START + 1);
        assert_int_equal(pace_step(&pace, START + 5 * NS_PER_S), MAX_DT);
        assert_int_equal(pace_step(&pace, START + 5 * NS_PER_S + 9), 9);
        assert_int_equal(pace.late, 0);
    }
}

static void slow_and_fast_rates_have_their_deadlines(void **state)
{
    (void)state;
    struct pace slow = at_rate(0.001);
    struct pace fast = at_rate(1e6);
    (void)pace_step(&slow, START);
    assert_int_equal(pace_due(&slow), START + 1000 * NS_PER_S);
    (void)pace_step(&slow, START + 2500 * NS_PER_S);
    assert_int_equal(slow.late, 1);
    assert_int_equal(pace_due(&slow), START + 3000 * NS_PER_S);
    (void)pace_step(&fast, START + NS_PER_S);
    assert_int_equal(fast.late, 1000000);
    assert_int_equal(pace_due(&fast), START + NS_PER_S + 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_step_is_due_at_once),
        cmocka_unit_test(a_rate_next_to_nothing_has_deadlines_too),
        cmocka_unit_test(deadlines_lie_on_a_grid),
        cmocka_unit_test(a_jitter_of_steps_does_not_move_the_grid),
        cmocka_unit_test(deadlines_do_not_drift_over_days),
        cmocka_unit_test(a_late_step_leaves_out_and_counts_the_ticks_that_have_passed),
        cmocka_unit_test(the_next_deadline_lies_ahead_of_every_step),
        cmocka_unit_test(a_step_ahead_of_its_time_moves_no_deadline),
        cmocka_unit_test(dt_is_the_time_that_really_passed_up_to_a_limit),
        cmocka_unit_test(time_that_does_not_count_is_in_no_dt_and_in_no_late),
        cmocka_unit_test(another_rate_holds_from_its_moment_on),
        cmocka_unit_test(a_rate_of_nothing_is_as_fast_as_possible),
        cmocka_unit_test(without_a_grid_nothing_is_late),
        cmocka_unit_test(slow_and_fast_rates_have_their_deadlines),
    };
    return cmocka_run_group_tests_name("host: pace", tests, NULL, NULL);
}
