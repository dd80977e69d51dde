/* What else is in a process that dies: threads, children, handlers, exceptions. */
#include "crash_trial.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

static volatile sig_atomic_t handled;

static void own_handler(int signal)
{
    handled = signal;
    _exit(7);
}

/* A bell that holds the handler up when it is rung for the second time: all is done then, and the
 * process still lives. Returns the end to read from. */
static int hang_slow_bell(struct trial *trial)
{
    char filler[4096] = "";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    size_t room = sizeof filler - sizeof(uint64_t);
    assert_int_equal(write(ends[1], filler, room), room);
    close(trial->bell);
    trial->bell = ends[1];
    return ends[0];
}

static void a_crash_in_another_thread_stops_the_main_thread_first(void **state)
{
    struct trial *trial = *state;
    char drained[8192];
    int end = hang_slow_bell(trial);
    pid_t child = trial_start(trial, "die_in_a_thread");
    while (atomic_load(&trial->shared->stage) != CRASH_DONE && waitpid(child, NULL, WNOHANG) == 0) {
        (void)sched_yield();
    }
    unsigned long beats = *trial->beats;
    for (int turn = 0; turn < 1000; turn++) {
        (void)sched_yield();
    }
    assert_true(read(end, drained, sizeof drained) > 0);
    trial_await(trial, child);
    close(end);
    assert_true(WIFSIGNALED(trial->status) && WTERMSIG(trial->status) == SIGSEGV);
    assert_true(beats >= 1000);
    assert_int_equal(*trial->beats, beats);
    assert_int_equal(trial->record.by_main, 0);
    assert_int_not_equal(trial->record.thread, (uint64_t)child);
    assert_true(trial_frame_is(trial, 0, "write_to_null"));
}

static void its_descriptors_are_closed_when_it_is_done(void **state)
{
    struct trial *trial = *state;
    char drained[8192];
    int held[2];
    struct error err;
    assert_int_equal(pipe(held), 0);
    int end = hang_slow_bell(trial);
    pid_t child = trial_start(trial, "write_to_null");
    (void)err;
    close(held[1]);
    /* The end of the pipe comes while the process still lives, in its second ring. */
    assert_int_equal(read(held[0], drained, 1), 0);
    while (atomic_load(&trial->shared->stage) != CRASH_DONE) {
        (void)sched_yield();
    }
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    assert_true(read(end, drained, sizeof drained) > 0);
    trial_await(trial, child);
    close(held[0]);
    close(end);
}

static void a_child_that_the_module_forks_dies_without_a_record(void **state)
{
    struct trial *trial = *state;
    void (*death)(void);
    *(void **)&death = dlsym(trial->module, "write_to_null");
    pid_t child = fork();
    if (child == 0) {
        int status = 0;
        trial_install(trial);
        /* The shared memory is not there in a child of the host. */
        (void)madvise(trial->page, sizeof *trial->page, MADV_DONTFORK);
        pid_t other = fork();
        if (other == 0) {
            death();
        }
        (void)waitpid(other, &status, 0);
        _exit(WIFSIGNALED(status) ? WTERMSIG(status) : 97);
    }
    trial_await(trial, child);
    assert_int_equal(WEXITSTATUS(trial->status), SIGSEGV);
    assert_false(trial->recorded);
    assert_int_equal(trial->page->dying, 0);
}

static void a_handler_that_stands_already_is_left_in_place(void **state)
{
    struct trial *trial = *state;
    pid_t child = fork();
    if (child == 0) {
        struct error err;
        (void)signal(SIGSEGV, own_handler);
        if (crash_install(trial->page, trial->shared, trial->bell, &err)) {
            (void)raise(SIGSEGV);
        }
        _exit(98);
    }
    trial_await(trial, child);
    assert_int_equal(WEXITSTATUS(trial->status), 7);
    assert_false(trial->recorded);
}

static void nothing_is_recorded_once_the_memory_goes(void **state)
{
    struct trial *trial = *state;
    pid_t child = fork();
    if (child == 0) {
        trial_install(trial);
        crash_finish();
        (void)munmap(trial->page, sizeof *trial->page);
        (void)munmap(trial->shared, sizeof *trial->shared);
        (void)raise(SIGSEGV);
        _exit(98);
    }
    trial_await(trial, child);
    assert_true(WIFSIGNALED(trial->status) && WTERMSIG(trial->status) == SIGSEGV);
    assert_false(trial->recorded);
}

static void exceptions_of_a_library_are_caught_as_ever(void **state)
{
    struct trial *trial = *state;
    struct error err;
    int (*catches)(int);
    void *library = dlopen(THROWING, RTLD_NOW | RTLD_NODELETE);
    assert_non_null(library);
    *(void **)&catches = dlsym(library, "catches");
    pid_t child = fork();
    if (child == 0) {
        bool ok = crash_install(trial->page, trial->shared, trial->bell, &err);
        for (int i = 0; ok && i < 100; i++) {
            ok = catches(1) == 2 && catches(0) == -1;
        }
        _exit(ok ? 3 : 98);
    }
    trial_await(trial, child);
    (void)dlclose(library);
    assert_int_equal(WEXITSTATUS(trial->status), 3);
    assert_false(trial->recorded);
}

static void an_exception_that_nobody_catches_shows_who_threw(void **state)
{
    struct trial *trial = *state;
    void *library = dlopen(THROWING, RTLD_NOW | RTLD_NODELETE);
    void (*throws)(void);
    assert_non_null(library);
    *(void **)&throws = dlsym(library, "throws_uncaught");
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        trial_install(trial);
        throws();
        _exit(98);
    }
    trial_await(trial, child);
    assert_true(WIFSIGNALED(trial->status) && WTERMSIG(trial->status) == SIGABRT);
    assert_int_equal(trial->record.stage, CRASH_DONE);
    (void)trial_find(trial, "throws_uncaught");
    (void)dlclose(library);
}

static void fault(void)
{
    (void)raise(SIGSEGV);
}

static void a_crash_on_the_way_out_is_not_taken_for_the_exit(void **state)
{
    struct trial *trial = *state;
    char drained[8192];
    uint64_t full = 0;
    int end = hang_slow_bell(trial);
    assert_int_equal(write(trial->bell, &full, sizeof full), sizeof full);
    pid_t child = fork();
    if (child == 0) {
        if (atexit(fault) != 0) {
            _exit(98);
        }
        trial_install(trial);
        exit(5);
    }
    /* It is held up in its first ring. */
    while (atomic_load(&trial->page->dying) == 0 && waitpid(child, NULL, WNOHANG) == 0) {
        (void)sched_yield();
    }
    bool early = crash_read(trial->shared, &trial->record);
    assert_true(read(end, drained, sizeof drained) > 0);
    trial_await(trial, child);
    close(end);
    assert_false(early);
    assert_true(WIFSIGNALED(trial->status) && WTERMSIG(trial->status) == SIGSEGV);
    assert_true(trial->recorded);
    assert_int_equal(trial->record.stage, CRASH_DONE);
    assert_int_equal(trial->record.cause, CRASH_BY_SIGNAL);
    assert_int_equal(trial->record.exit_status, 0);
}

static void an_exit_is_recorded_over_what_user_code_left_there(void **state)
{
    struct trial *trial = *state;
    memset((void *)trial->shared, 0xff, sizeof *trial->shared);
    trial_await(trial, trial_start(trial, "call_exit"));
    assert_true(trial->recorded);
    assert_int_equal(trial->record.signal, 0);
    assert_int_equal(trial->record.has_address, 0);
    assert_int_equal(trial->record.register_count, 0);
    uint32_t object = trial->record.frames[trial_find(trial, "call_exit")].object;
    assert_in_range(object, 1, trial->record.object_count);
    assert_string_equal(trial->record.objects[object - 1].path, DYING);
}

static void a_file_that_has_the_number_of_the_bell_is_not_written_to(void **state)
{
    struct trial *trial = *state;
    struct stat st;
    uint64_t rings;
    int file = memfd_create("file", MFD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) {
        trial_install(trial);
        (void)dup2(file, trial->bell);
        fault();
    }
    trial_await(trial, child);
    assert_int_equal(fstat(file, &st), 0);
    close(file);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(read(trial->bell, &rings, sizeof rings), -1);
    assert_int_equal(trial->record.stage, CRASH_DONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_crash_in_another_thread_stops_the_main_thread_first),
        TEST(its_descriptors_are_closed_when_it_is_done),
        TEST(a_child_that_the_module_forks_dies_without_a_record),
        TEST(a_handler_that_stands_already_is_left_in_place),
        TEST(nothing_is_recorded_once_the_memory_goes),
        TEST(exceptions_of_a_library_are_caught_as_ever),
        TEST(an_exception_that_nobody_catches_shows_who_threw),
        TEST(a_crash_on_the_way_out_is_not_taken_for_the_exit),
        TEST(an_exit_is_recorded_over_what_user_code_left_there),
        TEST(a_file_that_has_the_number_of_the_bell_is_not_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
