#define _GNU_SOURCE
#include "command_trial.h"

#include <signal.h>

static void the_status_and_the_output_are_told(void **state)
{
    struct trial trial;
    (void)state;
    run(&trial, "echo one; echo two >&2; exit 3");
    assert_string_equal(text_string(&trial.output), "one\ntwo\n");
    assert_int_equal(trial.end.status, 3);
    assert_int_equal(trial.end.signal, 0);
    assert_false(trial.end.cancelled || trial.end.timed_out);
    assert_true(trial.end.took_ns > 0);
    finish(&trial);
}

static void a_signal_that_ends_it_is_told(void **state)
{
    struct trial trial;
    (void)state;
    run(&trial, "kill -SEGV $$");
    assert_int_equal(trial.end.signal, SIGSEGV);
    assert_false(trial.end.cancelled);
    finish(&trial);
}

static void it_runs_in_its_folder_and_on_a_terminal_of_its_width(void **state)
{
    struct trial trial;
    struct command_options options = {.shell = "pwd; test -t 1 && stty size <&1; "
                                               "test -t 0 || echo nobody types",
                                      .dir = trial_dir,
                                      .columns = 132};
    char expected[256];
    (void)state;
    run_with(&trial, &options);
    (void)snprintf(expected, sizeof expected, "%s\n24 132\nnobody types\n", trial_dir);
    assert_string_equal(text_string(&trial.output), expected);
    finish(&trial);
}

static void plain_output_goes_through_a_pipe(void **state)
{
    struct trial trial;
    struct command_options options = {.shell = "test -t 1 || test -t 2 || echo pipe",
                                      .plain = true};
    (void)state;
    run_with(&trial, &options);
    assert_string_equal(text_string(&trial.output), "pipe\n");
    finish(&trial);
}

static void who_asks_gets_the_end_of_the_input(void **state)
{
    struct trial trial;
    (void)state;
    run(&trial, "read a; echo $?; read a </dev/tty; echo $?; stty sane </dev/tty; echo over");
    assert_string_equal(text_string(&trial.output), "1\n1\nover\n");
    finish(&trial);
}

static void line_ends_are_those_of_a_file(void **state)
{
    struct trial trial;
    (void)state;
    run(&trial,
        "printf 'a\\r\\nb\\r\\r\\nc\\rd\\n\\033[31mred\\033[0m\\r'; sleep 0.02; printf '\\n'");
    assert_string_equal(text_string(&trial.output), "a\nb\nc\rd\n\033[31mred\033[0m\n");
    finish(&trial);
}

static void no_piece_ends_in_a_character_or_an_escape_sequence(void **state)
{
    struct trial trial;
    (void)state;
    run(&trial,
        "for part in 'a\\033' '[3' '1mred\\303' '\\251\\r' '\\033[' 'm\\342\\202' '\\254\\n'; do "
        "printf \"$part\"; sleep 0.01; done");
    assert_string_equal(text_string(&trial.output), "a\033[31mred\303\251\r\033[m\342\202\254\n");
    assert_int_equal(trial.cut, 0);
    finish(&trial);
    run(&trial, "printf 'a\\033[3'"); /* it is all that comes */
    assert_string_equal(text_string(&trial.output), "a\033[3");
    finish(&trial);
}

static void the_environment_is_this_one_with_the_options_over_it(void **state)
{
    struct trial trial;
    const char *const env[] = {"HOTRUN_TRIAL_B=new", "TRIAL_C=c=d", NULL};
    struct command_options options = {
        .shell = "echo $TRIAL_A,$HOTRUN_TRIAL_A,$HOTRUN_TRIAL_B,$TRIAL_C,$TERM", .env = env};
    (void)state;
    (void)setenv("TRIAL_A", "a", 1);
    (void)setenv("HOTRUN_TRIAL_A", "a", 1);
    (void)setenv("HOTRUN_TRIAL_B", "old", 1);
    (void)setenv("TERM", "dumb", 1);
    run_with(&trial, &options);
    assert_string_equal(text_string(&trial.output), "a,,new,c=d,dumb\n");
    finish(&trial);
    (void)unsetenv("TERM");
    run_with(&trial, &options);
    assert_string_equal(text_string(&trial.output), "a,,new,c=d,xterm-256color\n");
    finish(&trial);
}

static void signals_are_as_in_a_fresh_shell(void **state)
{
    struct trial trial;
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    run(&trial, "grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'");
    assert_string_equal(text_string(&trial.output),
                        "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
    finish(&trial);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
}

static void a_program_that_is_missing_is_named(void **state)
{
    struct trial trial;
    struct error err;
    const char *const argv[] = {"no-such-compiler", "-c", NULL};
    const char *const there[] = {"/", NULL};
    struct command_options options = {.argv = argv, .dir = trial_dir};
    (void)state;
    assert_false(start(&trial, &options, &err));
    assert_int_equal(err.code, ERROR_MISSING);
    assert_non_null(strstr(err.text, "no-such-compiler"));
    finish(&trial);
    options.argv = there;
    assert_false(start(&trial, &options, &err));
    assert_string_equal(err.text, "cannot run /: Permission denied");
    finish(&trial);
    options.dir = at("nowhere");
    assert_false(start(&trial, &options, &err));
    assert_non_null(strstr(err.text, "nowhere: No such file"));
    finish(&trial);
}

static void a_program_is_found_in_the_path(void **state)
{
    struct trial trial;
    const char *const argv[] = {"printf", "%s", "a b", NULL};
    const struct command_options options = {.argv = argv};
    (void)state;
    run_with(&trial, &options);
    assert_string_equal(text_string(&trial.output), "a b");
    finish(&trial);
}

static void what_floods_does_not_keep_the_loop(void **state)
{
    struct trial trial;
    (void)state;
    begin(&trial, "yes");
    trial.keep_nothing = true;
    for (int i = 0; i < 50; i++) {
        size_t before = trial.bytes;
        wait_for_event(&trial.loop);
        turn(&trial.loop);
        assert_true(trial.bytes - before <= 65536);
    }
    assert_true(trial.bytes > 0);
    command_cancel(trial.command);
    run_until(&trial.loop, has_ended, &trial);
    assert_true(trial.end.cancelled);
    finish(&trial);
}

static void all_of_a_large_output_comes(void **state)
{
    struct trial trial;
    (void)state;
    run(&trial, "head -c 3000000 /dev/zero | tr '\\0' x");
    assert_int_equal(trial.bytes, 3000000);
    finish(&trial);
    struct command_options options = {.shell = "head -c 3000000 /dev/zero | tr '\\0' x",
                                      .plain = true};
    run_with(&trial, &options);
    assert_int_equal(trial.bytes, 3000000);
    finish(&trial);
}

int main(void)
{
#define ROW(function) cmocka_unit_test_setup_teardown(function, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        ROW(the_status_and_the_output_are_told),
        ROW(a_signal_that_ends_it_is_told),
        ROW(it_runs_in_its_folder_and_on_a_terminal_of_its_width),
        ROW(plain_output_goes_through_a_pipe),
        ROW(who_asks_gets_the_end_of_the_input),
        ROW(line_ends_are_those_of_a_file),
        ROW(no_piece_ends_in_a_character_or_an_escape_sequence),
        ROW(the_environment_is_this_one_with_the_options_over_it),
        ROW(signals_are_as_in_a_fresh_shell),
        ROW(a_program_that_is_missing_is_named),
        ROW(a_program_is_found_in_the_path),
        ROW(what_floods_does_not_keep_the_loop),
        ROW(all_of_a_large_output_comes),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
