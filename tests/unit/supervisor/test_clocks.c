/* The supervisor's timers. */
#include "supervisor/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LATE_MS  50
#define LIMIT_MS 30

static void never(uv_timer_t *timer)
{
    (void)timer;
    fail();
}

static void a_time_begins_when_it_is_armed_however_long_the_loops_turn_is(void **state)
{
    static const uv_timer_cb callbacks[TIMER_COUNT] = {[TIMER_PROBATION] = never};
    static struct supervisor sup;
    static uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    sup = (struct supervisor){.loop = &loop, .timer_callbacks = callbacks};
    uv_timer_t *timer = &sup.timers[TIMER_PROBATION];
    assert_int_equal(uv_timer_init(&loop, timer), 0);
    uint64_t turn_ms = uv_now(&loop);
    while (uv_hrtime() / 1000000 < turn_ms + LATE_MS) {
    }
    supervisor_arm(&sup, TIMER_PROBATION, LIMIT_MS);
    assert_true(uv_now(&loop) + uv_timer_get_due_in(timer) >= turn_ms + LATE_MS + LIMIT_MS);
    uv_close((uv_handle_t *)timer, NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_begins_when_it_is_armed_however_long_the_loops_turn_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
