#define _GNU_SOURCE
#include "builder/command.h"

#include "base/clock.h"
#include "base/text.h"
#include "builder/cut.h"
#include "builder/kin.h"
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define PIDS_MOST 8

struct trial { /* one command and what was heard of it */
    uv_loop_t loop;
    struct command *command;
    struct text output;
    struct command_end end;
    size_t bytes;
    unsigned begun, reaped;
    bool ended, keep_nothing;
    unsigned cut;        /* pieces that end in a character or in an escape sequence */
    const char *awaited; /* in the output */
};

static void on_process(void *ctx, pid_t pid, bool runs)
{
    struct trial *trial = ctx;
    assert_true(pid > 1);
    *(runs ? &trial->begun : &trial->reaped) += 1;
}

static void on_output(void *ctx, const char *bytes, size_t len)
{
    struct trial *trial = ctx;
    assert_false(trial->ended);
    trial->bytes += len;
    trial->cut += cut_whole(bytes, len) != len;
    if (!trial->keep_nothing) {
        text_append(&trial->output, bytes, len);
    }
}

static void on_ended(void *ctx, const struct command_end *end)
{
    struct trial *trial = ctx;
    assert_false(trial->ended);
    trial->ended = true;
    trial->end = *end;
    command_destroy(trial->command);
    trial->command = NULL;
}

static bool has_ended(void *ctx)
{
    return ((struct trial *)ctx)->ended;
}

static bool was_heard(void *ctx)
{
    struct trial *trial = ctx;
    return strstr(text_string(&trial->output), trial->awaited) != NULL;
}

static bool start(struct trial *trial, const struct command_options *options, struct error *err)
{
    const struct command_callbacks callbacks = {
        .ctx = trial, .process = on_process, .output = on_output, .ended = on_ended};
    *trial = (struct trial){0};
    assert_int_equal(uv_loop_init(&trial->loop), 0);
    trial->command = command_start(&trial->loop, options, &callbacks, err);
    return trial->command != NULL;
}

static void begin(struct trial *trial, const char *line)
{
    struct error err;
    const struct command_options options = {.shell = line, .dir = trial_dir};
    assert_true(start(trial, &options, &err));
}

static void finish(struct trial *trial)
{
    command_destroy(trial->command);
    drain(&trial->loop);
    assert_int_equal(trial->begun, trial->reaped);
    text_finish(&trial->output);
}

static void run_with(struct trial *trial, const struct command_options *options)
{
    struct error err;
    assert_true(start(trial, options, &err));
    run_until(&trial->loop, has_ended, trial);
}

static void run(struct trial *trial, const char *line)
{
    begin(trial, line);
    run_until(&trial->loop, has_ended, trial);
}

static void hear(struct trial *trial, const char *awaited)
{
    trial->awaited = awaited;
    run_until(&trial->loop, was_heard, trial);
}

/* Whether the process whose pid the command wrote into `name` is there; a zombie is not. */
static bool lives(const char *name)
{
    char path[64];
    char state = 'X';
    long pid = 0;
    FILE *file = fopen(at(name), "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pid), 1);
    (void)fclose(file);
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    bool read = fscanf(file, "%*d %*s %c", &state) == 1;
    (void)fclose(file);
    return read && state != 'Z' && state != 'X';
}

static void kill_left(const char *name)
{
    long pid = 0;
    FILE *file = fopen(at(name), "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pid), 1);
    (void)fclose(file);
    assert_true(lives(name));
    (void)kill((pid_t)pid, SIGKILL);
}

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

/* One that stays below the shell, one in a session of its own, one that has lost its parents as
 * well, and one that has nothing left but its session. */
#define FAMILY                                                                                     \
    "%s sh -c 'echo $$ >below; %s echo ready; exec sleep 100' & "                                  \
    "setsid sh -c 'echo $$ >session; echo ready; exec sleep 100' & "                               \
    "(setsid sh -c 'sh -c \"echo \\$\\$ >daemon; echo ready; exec sleep 100\" &' &) ; "            \
    "(env -i sh -c 'echo $$ >bare; echo ready; exec sleep 100' &) ; wait"

static void begin_family(struct trial *trial, const char *way, const char *first)
{
    char line[1024];
    (void)snprintf(line, sizeof line, FAMILY, way, first);
    begin(trial, line);
    hear(trial, "ready\nready\nready\nready\n");
    assert_true(lives("below") && lives("session") && lives("daemon") && lives("bare"));
}

static void none_of_a_family_survives_a_cancel(void **state)
{
    struct trial trial;
    bool quick = false;
    (void)state;
    for (int tries = 0; tries < 5 && !quick; tries++) { /* a busy machine */
        begin_family(&trial, "", "");
        uint64_t begun = clock_ns();
        command_cancel(trial.command);
        command_cancel(trial.command);
        assert_false(trial.ended);
        run_until(&trial.loop, has_ended, &trial);
        assert_true(trial.end.cancelled);
        quick = clock_ns() - begun < 250 * NS_PER_MS; /* nobody had to be killed */
        assert_false(lives("below") || lives("session") || lives("daemon") || lives("bare"));
        finish(&trial);
    }
    assert_true(quick);
}

static void who_does_not_hear_is_killed(void **state)
{
    struct trial trial;
    (void)state;
    begin_family(&trial, "", "trap \"\" TERM HUP;");
    command_cancel(trial.command);
    run_until(&trial.loop, has_ended, &trial);
    assert_false(lives("below") || lives("session") || lives("daemon") || lives("bare"));
    finish(&trial);
}

static void none_of_a_family_survives_a_destroy(void **state)
{
    struct trial trial;
    (void)state;
    begin_family(&trial, "", "trap \"\" TERM HUP;");
    command_destroy(trial.command);
    trial.command = NULL;
    assert_false(lives("below") || lives("session") || lives("daemon") || lives("bare"));
    assert_false(trial.ended);
    finish(&trial);
}

static void who_is_stopped_is_ended_as_well(void **state)
{
    struct trial trial;
    (void)state;
    begin(&trial, "sh -c 'echo $$ >below; echo ready; kill -STOP $$'");
    hear(&trial, "ready");
    command_cancel(trial.command);
    run_until(&trial.loop, has_ended, &trial);
    assert_false(lives("below"));
    finish(&trial);
}

static void one_that_takes_too_long_is_ended(void **state)
{
    struct trial trial;
    struct command_options options = {.shell = "echo begun; sleep 100; echo not said",
                                      .timeout_ns = 50 * NS_PER_MS};
    (void)state;
    run_with(&trial, &options);
    assert_true(trial.end.timed_out);
    assert_false(trial.end.cancelled);
    assert_true(trial.end.took_ns >= 50 * NS_PER_MS);
    assert_null(strstr(text_string(&trial.output), "not said"));
    finish(&trial);
}

static void one_that_ended_in_time_is_not_overdue_when_it_is_heard_late(void **state)
{
    struct trial trial;
    struct command_options options = {
        .shell = "echo done", .dir = trial_dir, .timeout_ns = 20 * NS_PER_MS};
    struct error err;
    siginfo_t ended;
    (void)state;
    assert_true(start(&trial, &options, &err));
    uint64_t begun = clock_ns();
    assert_int_equal(waitid(P_PID, (id_t)command_pid(trial.command), &ended, WEXITED | WNOWAIT), 0);
    while (clock_ns() < begun + 2 * options.timeout_ns) {
    }
    run_until(&trial.loop, has_ended, &trial);
    assert_false(trial.end.timed_out);
    finish(&trial);
}

static void a_server_that_it_leaves_is_left_in_peace(void **state)
{
    struct trial trial;
    (void)state;
    /* It holds the terminal open. */
    run(&trial, "setsid sh -c 'echo up; echo $$ >server; exec sleep 100' & "
                "while ! test -s server; do :; done; echo built");
    assert_int_equal(trial.end.status, 0);
    assert_string_equal(text_string(&trial.output), "up\nbuilt\n");
    finish(&trial);
    kill_left("server");
}

static void its_own_are_known_by_their_mark(void **state)
{
    struct trial trial;
    (void)state;
    begin(&trial, "echo ready; sleep 100");
    hear(&trial, "ready");
    assert_true(kin_is_ours(command_pid(trial.command)));
    assert_false(kin_is_ours(getpid()));
    assert_false(kin_is_ours(1));
    finish(&trial);
}

/* The command's process dies with who started it, and its terminal hangs up on the others. */
static void the_death_of_this_process_ends_it(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct trial trial;
        begin(&trial, "sh -c 'echo $$ >below; exec sleep 100' & echo $$ >shell; "
                      "while ! test -s below; do :; done; echo ready; wait");
        hear(&trial, "ready");
        (void)kill(getpid(), SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (int i = 0; (lives("shell") || lives("below")) && i < 5000; i++) {
        (void)usleep(1000);
    }
    assert_false(lives("shell") || lives("below"));
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
        ROW(none_of_a_family_survives_a_cancel),
        ROW(who_does_not_hear_is_killed),
        ROW(none_of_a_family_survives_a_destroy),
        ROW(who_is_stopped_is_ended_as_well),
        ROW(one_that_takes_too_long_is_ended),
        ROW(one_that_ended_in_time_is_not_overdue_when_it_is_heard_late),
        ROW(a_server_that_it_leaves_is_left_in_peace),
        ROW(its_own_are_known_by_their_mark),
        ROW(the_death_of_this_process_ends_it),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
