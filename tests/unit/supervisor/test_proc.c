/* What /proc tells of a process: whether it computes or waits, in what, and who holds it. */
#define _GNU_SOURCE
#include "supervisor/proc.h"

#include "trial.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static pid_t child;

/* Ends with this process, whatever fails. */
static pid_t forked(void (*run)(int fd), int fd)
{
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        run(fd);
        _exit(0);
    }
    return child;
}

static int end_child(void **state)
{
    (void)state;
    if (child > 0) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
    }
    child = 0;
    return 0;
}

static void loops(int fd)
{
    (void)fd;
    for (volatile unsigned n = 0;; n = n + 1) {
    }
}

static void reads(int fd)
{
    char byte;
    (void)!read(fd, &byte, 1);
}

/* Looks until it holds, for what tells nobody when it changes. */
static void look_until(const struct proc *proc, bool (*holds)(const struct proc_look *look),
                       struct proc_look *look)
{
    uint64_t end = uv_hrtime() + TRIAL_DEADLINE_NS;
    do {
        assert_true(proc_look(proc, look));
        assert_true(uv_hrtime() < end);
    } while (!holds(look));
}

static bool computed_50_ms(const struct proc_look *look)
{
    return look->cpu_ns >= 50000000;
}

static bool sleeps(const struct proc_look *look)
{
    return look->state == 'S';
}

static bool is_held(const struct proc_look *look)
{
    return look->state == 't';
}

static void test_a_loop_spends_time(void **state)
{
    (void)state;
    struct proc proc;
    struct proc_look look;
    assert_true(proc_open(&proc, forked(loops, 0)));
    look_until(&proc, computed_50_ms, &look);
    assert_int_equal(look.state, 'R');
    assert_int_equal(look.tracer, 0);
    proc_close(&proc);
    assert_false(proc_is_open(&proc));
}

static void test_a_read_is_named_with_what_it_reads(void **state)
{
    (void)state;
    struct proc proc;
    struct proc_look look;
    char text[128];
    char expected[64];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(proc_open(&proc, forked(reads, ends[0])));
    look_until(&proc, sleeps, &look);
    proc_waits_in(&proc, text, sizeof text);
    (void)snprintf(expected, sizeof expected, "read(%d, pipe:[", ends[0]);
    assert_memory_equal(text, expected, strlen(expected));
    proc_close(&proc);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_text_that_is_too_short_is_filled_and_ended(void **state)
{
    (void)state;
    struct proc proc;
    struct proc_look look;
    char text[8];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(proc_open(&proc, forked(reads, ends[0])));
    look_until(&proc, sleeps, &look);
    proc_waits_in(&proc, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
    proc_close(&proc);
    close(ends[0]);
    close(ends[1]);
}

static void test_the_tracer_is_seen(void **state)
{
    (void)state;
    struct proc proc;
    struct proc_look look;
    char name[64];
    assert_true(proc_open(&proc, forked(loops, 0)));
    if (ptrace(PTRACE_ATTACH, child, NULL, NULL) != 0) {
        skip(); /* not allowed here */
    }
    look_until(&proc, is_held, &look);
    assert_int_equal(look.tracer, getpid());
    proc_name(look.tracer, name, sizeof name);
    assert_memory_equal(name, "test-", 5);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(ptrace(PTRACE_DETACH, child, NULL, NULL), 0);
    look_until(&proc, computed_50_ms, &look);
    assert_int_equal(look.tracer, 0);
    proc_close(&proc);
}

static void test_a_process_that_is_gone_is_told(void **state)
{
    (void)state;
    struct proc proc;
    struct proc_look look;
    char text[64];
    pid_t pid = forked(loops, 0);
    assert_true(proc_open(&proc, pid));
    (void)end_child(NULL);
    assert_false(proc_look(&proc, &look));
    proc_waits_in(&proc, text, sizeof text);
    assert_string_equal(text, "the system");
    proc_close(&proc);
    assert_false(proc_open(&proc, pid));
    assert_false(proc_is_open(&proc));
    proc_name(pid, text, sizeof text);
    assert_string_equal(text, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_loop_spends_time, end_child),
        cmocka_unit_test_teardown(test_a_read_is_named_with_what_it_reads, end_child),
        cmocka_unit_test_teardown(test_a_text_that_is_too_short_is_filled_and_ended, end_child),
        cmocka_unit_test_teardown(test_the_tracer_is_seen, end_child),
        cmocka_unit_test_teardown(test_a_process_that_is_gone_is_told, end_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
