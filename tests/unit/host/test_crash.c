#include "crash_trial.h"

#include <sched.h>

static void trial_run(struct trial *trial, const char *name)
{
    trial_await(trial, trial_start(trial, name));
}

/* What every death by a signal has in common; the caller of `name` is found too. */
static void trial_assert_death(const struct trial *trial, int signal, const char *name)
{
    uint64_t rings = 0;
    assert_true(WIFSIGNALED(trial->status));
    assert_int_equal(WTERMSIG(trial->status), signal);
    assert_true(trial->recorded);
    assert_int_equal(trial->record.stage, CRASH_DONE);
    assert_int_equal(trial->record.signal, signal);
    assert_int_equal(read(trial->bell, &rings, sizeof rings), sizeof rings);
    assert_int_equal(rings, 2);
    unsigned at = trial_find(trial, name);
    assert_true(trial_frame_is(trial, at + 1, "caller"));
    uint32_t object = trial->record.frames[at].object;
    assert_in_range(object, 1, trial->record.object_count);
    assert_string_equal(trial->record.objects[object - 1].path, DYING);
}

static void a_write_to_null_is_told_with_its_address(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "write_to_null");
    trial_assert_death(trial, SIGSEGV, "write_to_null");
    const struct crash_record *record = &trial->record;
    assert_int_equal(record->cause, CRASH_BY_SIGNAL);
    assert_int_equal(record->has_address, 1);
    assert_int_equal(record->address, 8);
    assert_int_equal(record->writing, 1);
    assert_int_equal(record->by_main, 1);
    assert_true(trial_frame_is(trial, 0, "write_to_null"));
    assert_int_equal(record->frames[0].exact, 1);
    assert_int_equal(record->frames[1].exact, 0);
    assert_int_equal(trial->page->dying, 1);
}

static void a_read_is_no_write(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "read_from_null");
    trial_assert_death(trial, SIGSEGV, "read_from_null");
    assert_int_equal(trial->record.address, 16);
    assert_int_equal(trial->record.writing, 2);
}

static void the_registers_are_those_of_the_place(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "write_to_null");
    bool found = false;
    for (unsigned i = 0; i < trial->record.register_count; i++) {
        const char *name = crash_register_name(i);
        bool pc = strcmp(name, "rip") == 0 || strcmp(name, "pc") == 0;
        found = found || (pc && trial->record.registers[i] == trial->record.frames[0].pc);
    }
    assert_true(found);
    assert_null(crash_register_name(trial->record.register_count));
}

static void a_call_through_null_has_its_caller(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "call_through_null");
    trial_assert_death(trial, SIGSEGV, "call_through_null");
    assert_int_equal(trial->record.frames[0].pc, 0);
    assert_int_equal(trial->record.frames[0].object, 0);
    assert_true(trial_frame_is(trial, 1, "call_through_null"));
}

static void a_stack_overflow_shows_the_innermost_calls(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "overflow_the_stack");
    assert_true(WIFSIGNALED(trial->status) && WTERMSIG(trial->status) == SIGSEGV);
    assert_int_equal(trial->record.stage, CRASH_DONE);
    assert_int_equal(trial->record.frame_count, CRASH_FRAMES_MOST);
    for (unsigned i = 0; i < CRASH_FRAMES_MOST; i++) {
        assert_true(trial_frame_is(trial, i, "overflow_the_stack"));
    }
}

static void an_abort_is_told(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "call_abort");
    trial_assert_death(trial, SIGABRT, "call_abort");
    assert_int_equal(trial->record.cause, CRASH_BY_SIGNAL);
    assert_int_equal(trial->record.has_address, 0);
}

static void a_double_free_is_told_with_who_freed(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "free_twice");
    trial_assert_death(trial, SIGABRT, "free_twice");
}

static void a_division_by_zero_is_told(void **state)
{
#ifdef __x86_64__
    struct trial *trial = *state;
    trial_run(trial, "divide_by_zero");
    trial_assert_death(trial, SIGFPE, "divide_by_zero");
    assert_int_equal(trial->record.address, trial->record.frames[0].pc);
#else
    (void)state;
    skip(); /* it gives a number there */
#endif
}

static void a_trap_is_told(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "trap");
    trial_assert_death(trial, trial->record.signal == SIGTRAP ? SIGTRAP : SIGILL, "trap");
}

static void a_walk_over_a_lost_stack_ends(void **state)
{
#ifdef __x86_64__
    struct trial *trial = *state;
    trial_run(trial, "lose_the_stack");
    assert_true(WIFSIGNALED(trial->status) && WTERMSIG(trial->status) == SIGSEGV);
    assert_int_equal(trial->record.stage, CRASH_DONE);
    assert_true(trial_frame_is(trial, 0, "lose_the_stack"));
#else
    (void)state;
    skip();
#endif
}

static void a_death_in_a_constructor_names_the_library(void **state)
{
    struct trial *trial = *state;
    pid_t child = fork();
    if (child == 0) {
        trial_install(trial);
        (void)dlopen(DYING_AT_ONCE, RTLD_NOW);
        _exit(98);
    }
    trial_await(trial, child);
    assert_true(WIFSIGNALED(trial->status) && WTERMSIG(trial->status) == SIGSEGV);
    assert_int_equal(trial->record.stage, CRASH_DONE);
    for (unsigned i = 0; i < 2; i++) { /* write_to_null, construct */
        uint32_t object = trial->record.frames[i].object;
        assert_in_range(object, 1, trial->record.object_count);
        assert_string_equal(trial->record.objects[object - 1].path, DYING_AT_ONCE);
    }
}

static void an_exit_is_told_with_who_called_it(void **state)
{
    struct trial *trial = *state;
    trial_run(trial, "call_exit");
    assert_true(WIFEXITED(trial->status));
    assert_int_equal(WEXITSTATUS(trial->status), 5);
    assert_true(trial->recorded);
    assert_int_equal(trial->record.stage, CRASH_DONE);
    assert_int_equal(trial->record.cause, CRASH_BY_EXIT);
    assert_int_equal(trial->record.exit_status, 5);
    assert_true(trial_frame_is(trial, trial_find(trial, "call_exit") + 1, "caller"));
    assert_int_equal(trial->page->dying, 0);
}

static void an_exit_that_is_meant_leaves_no_record(void **state)
{
    struct trial *trial = *state;
    atomic_store(&trial->page->end, PAGE_END_EXIT);
    trial_run(trial, "call_exit");
    assert_int_equal(WEXITSTATUS(trial->status), 5);
    assert_false(trial->recorded);
}

static void a_hang_that_is_interrupted_shows_where_it_is(void **state)
{
    struct trial *trial = *state;
    pid_t child = trial_start(trial, "spin");
    while (*trial->beats == 0) {
        (void)sched_yield();
    }
    (void)tgkill(child, child, SIGABRT);
    trial_await(trial, child);
    trial_assert_death(trial, SIGABRT, "spin");
    assert_int_equal(trial->record.cause, CRASH_BY_ORDER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_write_to_null_is_told_with_its_address),
        TEST(a_read_is_no_write),
        TEST(the_registers_are_those_of_the_place),
        TEST(a_call_through_null_has_its_caller),
        TEST(a_stack_overflow_shows_the_innermost_calls),
        TEST(an_abort_is_told),
        TEST(a_double_free_is_told_with_who_freed),
        TEST(a_division_by_zero_is_told),
        TEST(a_trap_is_told),
        TEST(a_walk_over_a_lost_stack_ends),
        TEST(a_death_in_a_constructor_names_the_library),
        TEST(an_exit_is_told_with_who_called_it),
        TEST(an_exit_that_is_meant_leaves_no_record),
        TEST(a_hang_that_is_interrupted_shows_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
