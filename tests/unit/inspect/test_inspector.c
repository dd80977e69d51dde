/* The supervisor's client, with the real hotrun-inspect ($HOTRUN_HOST is beside it). */
#define _GNU_SOURCE /* nftw, waitid */
#include "supervisor/inspector.h"

#include "base/clock.h"
#include "trial.h"

#include <signal.h>
#include <sys/wait.h>

#define WAITS_MOST_NS (INSPECTOR_WAIT_NS + INSPECTOR_START_NS + NS_PER_S) /* a busy machine */

static uv_loop_t loop;
static struct orphans orphans;
static struct log silent = {.fd = -1, .level = LOG_ERROR + 1};
static struct inspector *inspector;
static struct crash_record record;
static struct backtrace trace;
static const struct backtrace_view view = {.stage = "/nowhere", .shown = "lib"};

static int setup(void **state)
{
    (void)state;
    memset(&record, 0, sizeof record);
    memset(&orphans, 0, sizeof orphans);
    record.cause = CRASH_BY_SIGNAL;
    record.signal = SIGSEGV;
    record.object_count = 1; /* the program itself */
    record.frame_count = 1;
    record.frames[0] = (struct crash_frame){.pc = 0x10, .object = 1, .exact = 1};
    if (uv_loop_init(&loop) != 0) {
        return -1;
    }
    inspector = inspector_create(&loop, &orphans, &silent, getenv("HOTRUN_HOST"));
    return inspector == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    backtrace_finish(&trace);
    inspector_destroy(inspector);
    drain(&loop);
    assert_int_equal(orphans.host_count, 0); /* each was reaped, and is expected no more */
    return 0;
}

static bool name_it(void)
{
    uint64_t begun = clock_ns();
    inspector_ask(inspector, &record, "", 0);
    bool came = inspector_await(inspector, &view, &trace);
    assert_true(clock_ns() - begun < WAITS_MOST_NS);
    assert_int_equal(trace.count, 1);
    return came;
}

/* On a busy machine an answer may come too late: then it is asked for again, within the time after
 * which the process would be replaced. */
static void get_named(void)
{
    for (int tries = 0; !name_it(); tries++) {
        assert_true(tries < 50);
    }
}

static bool is_gone(void *ctx)
{
    (void)ctx;
    return inspector_pid(inspector) == 0;
}

static void it_is_started_when_it_is_wanted(void **state)
{
    (void)state;
    assert_int_equal(inspector_pid(inspector), 0);
    get_named();
    assert_int_not_equal(inspector_pid(inspector), 0);
    assert_int_equal(orphans.host_count, 1);
    assert_int_equal(orphans.hosts[0], inspector_pid(inspector));
}

static void one_that_died_is_replaced(void **state)
{
    (void)state;
    get_named();
    pid_t first = inspector_pid(inspector);
    assert_int_equal(kill(first, SIGKILL), 0);
    run_until(&loop, is_gone, NULL);
    get_named();
    assert_int_not_equal(inspector_pid(inspector), first);
}

static void one_that_died_unseen_is_replaced_too(void **state)
{
    siginfo_t info;
    (void)state;
    get_named();
    pid_t first = inspector_pid(inspector);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)first, &info, WEXITED | WNOWAIT), 0);
    get_named();
    assert_int_not_equal(inspector_pid(inspector), first);
}

static void one_that_dies_over_its_work_leaves_bare_addresses(void **state)
{
    (void)state;
    get_named();
    assert_int_equal(kill(inspector_pid(inspector), SIGSTOP), 0);
    inspector_ask(inspector, &record, "", 0);
    assert_int_equal(kill(inspector_pid(inspector), SIGKILL), 0);
    assert_false(inspector_await(inspector, &view, &trace));
    assert_int_equal(trace.count, 1);
    assert_int_equal(trace.frames[0].address, 0x10);
    assert_string_equal(trace.frames[0].function, "");
    get_named();
}

static void one_that_does_not_answer_is_waited_for_a_tenth_of_a_second_and_may_be_late(void **state)
{
    (void)state;
    get_named();
    pid_t first = inspector_pid(inspector);
    assert_int_equal(kill(first, SIGSTOP), 0);
    uint64_t begun = clock_ns();
    assert_false(name_it());
    assert_true(clock_ns() - begun >= INSPECTOR_WAIT_NS);
    record.frames[0].pc = 0x20;
    assert_int_equal(kill(first, SIGCONT), 0);
    /* The first question's answer comes late, and is not taken for the second's. */
    get_named();
    assert_int_equal(trace.frames[0].address, 0x20);
    assert_int_equal(inspector_pid(inspector), first);
}

static bool is_asleep(pid_t pid)
{
    char path[64], line[256] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    const char *name_end =
        file != NULL && fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

static void an_answer_that_is_there_is_taken_after_its_time(void **state)
{
    (void)state;
    get_named(); /* it is there, and has opened what it needs */
    inspector_ask(inspector, &record, "", 0);
    uint64_t begun = clock_ns();
    while (clock_ns() < begun + 2 * INSPECTOR_WAIT_NS || !is_asleep(inspector_pid(inspector))) {
    }
    assert_true(inspector_await(inspector, &view, &trace));
}

static void without_the_program_addresses_are_told_at_once(void **state)
{
    (void)state;
    inspector_destroy(inspector);
    inspector = inspector_create(&loop, &orphans, &silent, "/nowhere/hotrun-host");
    bool at_once = false;
    for (int tries = 0; tries < 50 && !at_once; tries++) { /* a busy machine */
        uint64_t begun = clock_ns();
        assert_false(name_it());
        at_once = clock_ns() - begun < INSPECTOR_WAIT_NS;
    }
    assert_true(at_once);
    assert_int_equal(inspector_pid(inspector), 0);
}

static void a_record_of_nonsense_harms_nobody(void **state)
{
    uint64_t seed = 88172645463325252;
    (void)state;
    get_named();
    pid_t first = inspector_pid(inspector);
    for (int i = 0; i < 200; i++) {
        unsigned char *bytes = (unsigned char *)&record;
        for (size_t at = 0; at < sizeof record; at++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            bytes[at] = i % 2 == 0 || seed % 16 == 0 ? (unsigned char)(seed >> 32) : 0;
        }
        bool came = false;
        for (int tries = 0; tries < 50 && !came; tries++) {
            inspector_ask(inspector, &record, "/proc/self/mem", 0);
            came = inspector_await(inspector, &view, &trace);
        }
        assert_true(came);
        assert_true(trace.count <= CRASH_FRAMES_MOST);
    }
    assert_int_equal(orphans.host_count, 1);
    assert_int_equal(inspector_pid(inspector), first); /* it lives */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_started_when_it_is_wanted),
        TEST(one_that_died_is_replaced),
        TEST(one_that_died_unseen_is_replaced_too),
        TEST(one_that_dies_over_its_work_leaves_bare_addresses),
        TEST(one_that_does_not_answer_is_waited_for_a_tenth_of_a_second_and_may_be_late),
        TEST(an_answer_that_is_there_is_taken_after_its_time),
        TEST(without_the_program_addresses_are_told_at_once),
        TEST(a_record_of_nonsense_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
