/* The client of `hotrun-inspect --layouts`, with a fake one ($FAKE_INSPECT). */
#define _GNU_SOURCE
#include "supervisor/reader.h"

#include "base/clock.h"
#include "trial.h"

#include <signal.h>
#include <sys/wait.h>

#define LIMIT_MS 300U

static uv_loop_t loop;
static struct orphans orphans;
static struct reader *reader;
static struct reader_result last;
static unsigned answers;

static void done(void *ctx, struct reader_result *result)
{
    (void)ctx;
    layout_drop(&last.layout);
    last = *result;
    answers++;
}

static void make_reader(unsigned limit_ms)
{
    reader = reader_create(&loop, &orphans, at("hotrun-host"), limit_ms, done, NULL);
    assert_non_null(reader);
}

static int setup(void **state)
{
    memset(&orphans, 0, sizeof orphans);
    memset(&last, 0, sizeof last);
    answers = 0;
    if (trial_setup(state) != 0 || uv_loop_init(&loop) != 0 ||
        symlink(getenv("FAKE_INSPECT"), at("hotrun-inspect")) != 0) {
        return -1;
    }
    make_reader(10000); /* a busy machine */
    return 0;
}

static int teardown(void **state)
{
    reader_destroy(reader);
    drain(&loop);
    layout_drop(&last.layout);
    assert_int_equal(orphans.host_count, 0); /* each was reaped, and is expected no more */
    return trial_teardown(state);
}

static bool is_answered(void *ctx)
{
    return answers >= *(unsigned *)ctx;
}

static bool is_gone(void *ctx)
{
    (void)ctx;
    return reader_pid(reader) == 0;
}

static void begin(const char *path, const char *origin)
{
    struct error err = {0};
    if (!reader_ask(reader, path, origin, false, &err)) {
        fail_msg("%s", err.text);
    }
    assert_true(reader_is_busy(reader));
}

static void await(void)
{
    unsigned wanted = answers + 1;
    run_until(&loop, is_answered, &wanted);
    assert_false(reader_is_busy(reader));
}

static enum reader_outcome read_it(const char *path)
{
    begin(path, "game");
    await();
    assert_int_equal(last.layout != NULL, last.outcome == READER_OK);
    assert_int_equal(last.reason[0] == '\0', last.outcome == READER_OK);
    return last.outcome;
}

static const char *name_of(const struct layout *layout)
{
    return layout_string(layout, layout_state(layout)->name);
}

static void a_layout_comes_whole(void **state)
{
    (void)state;
    assert_int_equal(reader_pid(reader), 0);
    assert_int_equal(read_it("ok"), READER_OK);
    assert_string_equal(name_of(last.layout), "game");
    assert_int_equal(orphans.hosts[0], reader_pid(reader));
}

static void one_process_reads_many(void **state)
{
    (void)state;
    assert_int_equal(read_it("ok"), READER_OK);
    pid_t first = reader_pid(reader);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(read_it(i % 2 == 0 ? "none" : "ok"), i % 2 == 0 ? READER_NONE : READER_OK);
    }
    assert_int_equal(reader_pid(reader), first);
    struct error err;
    assert_true(reader_ask(reader, "ok", "game", true, &err));
    await();
    assert_string_equal(name_of(last.layout), "statics");
}

static void why_there_is_none_is_told(void **state)
{
    (void)state;
    assert_int_equal(read_it("none"), READER_NONE);
    assert_string_equal(last.reason, "it has no debug info");
    assert_int_equal(read_it("refused"), READER_REFUSED);
    assert_string_equal(last.reason, "a flexible array");
}

static void what_is_no_layout_is_refused_and_its_maker_replaced(void **state)
{
    static const char *const ways[] = {"damaged", "cut", "endless", "unasked", "nonsense", "short"};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_int_equal(read_it("ok"), READER_OK);
        assert_int_equal(read_it(ways[i]), READER_FAILED);
        assert_int_equal(reader_pid(reader), 0);
    }
    assert_int_equal(read_it("ok"), READER_OK);
}

static void an_answer_in_time_is_taken_when_it_is_heard_late(void **state)
{
    siginfo_t ended;
    (void)state;
    reader_destroy(reader);
    make_reader(50);
    begin("answers and leaves", "game");
    uint64_t begun = clock_ns();
    assert_int_equal(waitid(P_PID, (id_t)reader_pid(reader), &ended, WEXITED | WNOWAIT), 0);
    while (clock_ns() < begun + 100 * NS_PER_MS) {
    }
    await();
    assert_int_equal(last.outcome, READER_OK);
}

static void one_that_died_idle_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(read_it("ok"), READER_OK);
    pid_t first = reader_pid(reader);
    assert_int_equal(kill(first, SIGKILL), 0);
    run_until(&loop, is_gone, NULL);
    assert_int_equal(read_it("ok"), READER_OK);
    assert_int_not_equal(reader_pid(reader), first);
}

static void one_that_died_unseen_is_replaced_too(void **state)
{
    (void)state;
    assert_int_equal(read_it("ok"), READER_OK);
    pid_t first = reader_pid(reader);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(read_it("ok"), READER_OK);
    assert_int_not_equal(reader_pid(reader), first);
}

static void one_that_dies_over_a_library_is_told_and_tried_twice(void **state)
{
    (void)state;
    assert_int_equal(read_it("dies"), READER_FAILED);
    assert_non_null(strstr(last.reason, "died of signal 6"));
    assert_int_equal(read_it("leaves"), READER_FAILED);
    assert_non_null(strstr(last.reason, "status 3"));
    begin("dies once", at("mark"));
    await();
    assert_int_equal(last.outcome, READER_OK);
}

static void one_that_does_not_answer_is_killed_in_time(void **state)
{
    static const char *const ways[] = {"hangs", "closes"};
    (void)state;
    reader_destroy(reader);
    make_reader(LIMIT_MS);
    for (size_t i = 0; i < 2; i++) {
        uint64_t begun = clock_ns();
        assert_int_equal(read_it(ways[i]), READER_FAILED);
        assert_true(clock_ns() - begun >= LIMIT_MS * NS_PER_MS / 2);
        assert_non_null(strstr(last.reason, "longer than 0.3 s"));
        assert_int_equal(reader_pid(reader), 0);
    }
}

static void a_stopped_one_that_is_killed_is_replaced_at_once(void **state)
{
    (void)state;
    assert_int_equal(read_it("ok"), READER_OK);
    pid_t first = reader_pid(reader);
    assert_int_equal(kill(first, SIGSTOP), 0);
    begin("ok", "game");
    assert_int_equal(kill(first, SIGKILL), 0);
    await();
    assert_int_equal(last.outcome, READER_OK);
    assert_int_not_equal(reader_pid(reader), first);
}

static void without_the_program_nothing_is_asked(void **state)
{
    struct error err;
    (void)state;
    assert_int_equal(unlink(at("hotrun-inspect")), 0);
    assert_false(reader_ask(reader, "ok", "game", false, &err));
    assert_non_null(strstr(err.text, "there is no hotrun-inspect"));
    assert_false(reader_is_busy(reader));
    assert_int_equal(answers, 0);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    struct error err;
    char path[READING_PATH_SIZE + 1];
    (void)state;
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_false(reader_ask(reader, path, "game", false, &err));
    assert_false(reader_ask(reader, "ok", path, false, &err));
    path[READING_PATH_SIZE - 1] = '\0';
    begin("ok", path);
    await();
    assert_int_equal(last.outcome, READER_OK);
}

static void an_open_question_ends_with_the_reader(void **state)
{
    (void)state;
    begin("hangs", "game");
    reader_destroy(reader);
    reader = NULL;
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_layout_comes_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(one_process_reads_many, setup, teardown),
        cmocka_unit_test_setup_teardown(why_there_is_none_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_layout_is_refused_and_its_maker_replaced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_in_time_is_taken_when_it_is_heard_late, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_died_idle_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_died_unseen_is_replaced_too, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_dies_over_a_library_is_told_and_tried_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_does_not_answer_is_killed_in_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stopped_one_that_is_killed_is_replaced_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_the_program_nothing_is_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_is_too_long_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_open_question_ends_with_the_reader, setup, teardown),
    };
    return cmocka_run_group_tests_name("supervisor: reader", tests, NULL, NULL);
}
