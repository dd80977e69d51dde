#include "link/crash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct crash_record written, found;

static int setup(void **state)
{
    (void)state;
    memset((void *)&written, 0, sizeof written);
    memset((void *)&found, 0xff, sizeof found);
    written.cause = CRASH_BY_SIGNAL;
    written.signal = 11;
    written.register_count = 1;
    written.frame_count = 2;
    written.object_count = 1;
    written.frames[0] = (struct crash_frame){.pc = 4711, .object = 1, .exact = 1};
    written.frames[1] = (struct crash_frame){.pc = 4712};
    (void)strcpy(written.objects[0].path, "/tmp/libgame.so");
    atomic_store(&written.stage, CRASH_DONE);
    return 0;
}

static void a_whole_record_is_read_as_it_was_written(void **state)
{
    (void)state;
    assert_true(crash_read(&written, &found));
    assert_memory_equal(&found, &written, sizeof found);
}

static void nothing_written_is_no_record(void **state)
{
    (void)state;
    atomic_store(&written.stage, CRASH_NONE);
    assert_false(crash_read(&written, &found));
}

static void frames_count_from_their_stage_on(void **state)
{
    (void)state;
    atomic_store(&written.stage, CRASH_BEGUN);
    assert_true(crash_read(&written, &found));
    assert_int_equal(found.signal, 11);
    assert_int_equal(found.frame_count, 0);
    assert_int_equal(found.object_count, 0);
    atomic_store(&written.stage, CRASH_WALKED);
    assert_true(crash_read(&written, &found));
    assert_int_equal(found.frame_count, 2);
}

static void numbers_beyond_their_bounds_are_cut(void **state)
{
    (void)state;
    written.frame_count = 1000000;
    written.object_count = UINT32_MAX;
    written.register_count = UINT32_MAX;
    written.frames[5].object = CRASH_OBJECTS_MOST + 1;
    memset(written.objects[3].path, 'x', CRASH_PATH_SIZE);
    assert_true(crash_read(&written, &found));
    assert_int_equal(found.frame_count, CRASH_FRAMES_MOST);
    assert_int_equal(found.object_count, CRASH_OBJECTS_MOST);
    assert_int_equal(found.frames[5].object, 0);
    assert_int_equal(strlen(found.objects[3].path), CRASH_PATH_SIZE - 1);
    assert_non_null(crash_register_name(found.register_count - 1));
}

static void nonsense_is_no_record(void **state)
{
    static const struct {
        uint32_t stage, cause;
        int32_t signal;
    } nonsense[] = {{CRASH_DONE + 1, CRASH_BY_SIGNAL, 11}, {CRASH_DONE, 0, 11},
                    {CRASH_DONE, CRASH_BY_ORDER + 1, 11},  {CRASH_DONE, CRASH_BY_SIGNAL, 0},
                    {CRASH_DONE, CRASH_BY_SIGNAL, -1},     {CRASH_DONE, CRASH_BY_SIGNAL, 65},
                    {CRASH_DONE, CRASH_BY_EXIT, 65}};
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        atomic_store(&written.stage, nonsense[i].stage);
        written.cause = nonsense[i].cause;
        written.signal = nonsense[i].signal;
        assert_false(crash_read(&written, &found));
    }
}

static void an_exit_has_no_signal(void **state)
{
    (void)state;
    written.cause = CRASH_BY_EXIT;
    written.signal = 0;
    assert_true(crash_read(&written, &found));
}

static void registers_have_names_up_to_their_number(void **state)
{
    unsigned count = 0;
    (void)state;
    while (crash_register_name(count) != NULL) {
        count++;
    }
    assert_in_range(count, 1, CRASH_REGISTERS_MOST);
    assert_null(crash_register_name(UINT32_MAX));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(a_whole_record_is_read_as_it_was_written),
        TEST(nothing_written_is_no_record),
        TEST(frames_count_from_their_stage_on),
        TEST(numbers_beyond_their_bounds_are_cut),
        TEST(nonsense_is_no_record),
        TEST(an_exit_has_no_signal),
        TEST(registers_have_names_up_to_their_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
