#define _GNU_SOURCE
#include "command_trial.h"

#include "base/clock.h"
#include "builder/kin.h"

#include <signal.h>
#include <sys/wait.h>

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
    return cmocka_run_group_tests_name("ends of commands", tests, NULL, NULL);
}
