#define _GNU_SOURCE /* posix_openpt, pipe2, execvpe */
#include "builder/spawn.h"

#include "builder/kin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define COLUMNS_USUAL 80
#define ROWS          24
#define OWN_PREFIX    "HOTRUN_"

extern char **environ;

enum failed_at {
    FAILED_FOLDER = 1,
    FAILED_EXEC
};

struct failure { /* what the child says through the pipe when it could not become the program */
    enum failed_at at;
    int error;
};

struct plan { /* what the child needs: it may allocate nothing */
    const char *const *argv;
    const char *dir;
    char **env;
    int slave, output, input, failure;
    pid_t parent;
};

/* ---- its environment ---- */

static bool is_set(const char *const *env, const char *variable)
{
    size_t name = strcspn(variable, "=");
    for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
        if (strncmp(env[i], variable, name) == 0 && env[i][name] == '=') {
            return true;
        }
    }
    return false;
}

static size_t length(const char *const *env)
{
    size_t count = 0;
    while (env != NULL && env[count] != NULL) {
        count++;
    }
    return count;
}

/* An array of borrowed strings. What steers this run is not meant for another one that the program
 * may start. */
static char **make_environment(const char *const *over, const char *mark)
{
    static const char usual_term[] = "TERM=xterm-256color";
    const char *const *base = (const char *const *)environ;
    const char **env = calloc(length(base) + length(over) + 3, sizeof *env);
    size_t count = 0;
    if (env == NULL) {
        return NULL;
    }
    for (size_t i = 0; base != NULL && base[i] != NULL; i++) {
        bool own = strncmp(base[i], OWN_PREFIX, sizeof OWN_PREFIX - 1) == 0;
        if ((!own || kin_is_mark(base[i])) && !is_set(over, base[i])) {
            env[count++] = base[i];
        }
    }
    for (size_t i = 0; over != NULL && over[i] != NULL; i++) {
        env[count++] = over[i];
    }
    if (!is_set(env, usual_term)) {
        env[count++] = usual_term;
    }
    env[count] = mark;
    return (char **)env;
}

/* ---- its terminal ---- */

/* Nobody types there: whoever reads gets the end of the input at once. Nothing is put before a
 * "\n", as a terminal's driver does for real ones. */
static void set_modes(int slave, unsigned columns)
{
    struct termios modes;
    struct winsize size = {.ws_row = ROWS, .ws_col = (unsigned short)columns};
    if (tcgetattr(slave, &modes) == 0) {
        modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        modes.c_oflag &= ~(tcflag_t)OPOST;
        modes.c_cc[VMIN] = 0;
        modes.c_cc[VTIME] = 0;
        (void)tcsetattr(slave, TCSANOW, &modes);
    }
    (void)ioctl(slave, TIOCSWINSZ, &size);
}

/* False: none can be had (no devpts), and both are -1. */
static bool open_terminal(int *master, int *slave, unsigned columns)
{
    char name[64];
    *slave = -1;
    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*master < 0) {
        return false;
    }
    if (grantpt(*master) == 0 && unlockpt(*master) == 0 &&
        ptsname_r(*master, name, sizeof name) == 0) {
        *slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    if (*slave < 0) {
        close(*master);
        *master = -1;
        return false;
    }
    set_modes(*slave, columns > 0 && columns <= 10000 ? columns : COLUMNS_USUAL);
    return true;
}

static void close_one(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* ---- the start ---- */

static void reset_signals(void)
{
    sigset_t none;
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++) {
        (void)sigaction(i, &usual, NULL);
    }
    (void)sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct plan *plan)
{
    struct failure failure = {.at = FAILED_EXEC};
    (void)setsid();
    if (plan->slave >= 0) {
        (void)ioctl(plan->slave, TIOCSCTTY, 0);
    }
    (void)dup2(plan->input, STDIN_FILENO);
    (void)dup2(plan->output, STDOUT_FILENO);
    (void)dup2(plan->output, STDERR_FILENO);
    reset_signals();
    (void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    if (getppid() != plan->parent) {
        _exit(127);
    }
    if (plan->dir != NULL && chdir(plan->dir) != 0) {
        failure.at = FAILED_FOLDER;
    } else {
        (void)execvpe(plan->argv[0], (char *const *)plan->argv, plan->env);
    }
    failure.error = errno;
    ssize_t told = write(plan->failure, &failure, sizeof failure);
    _exit(told == (ssize_t)sizeof failure ? 127 : 126);
}

/* Its handlers belong to this process: none may run in the child. */
static pid_t fork_quietly(const struct plan *plan)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        become(plan);
    }
    int error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

static bool tell_failure(const struct plan *plan, const struct failure *failure, struct error *err)
{
    errno = failure->error;
    if (failure->at == FAILED_FOLDER) {
        return error_errno(err, "the build cannot run in %s", plan->dir);
    }
    if (failure->error == ENOENT || failure->error == ENOTDIR) {
        bool named = strchr(plan->argv[0], '/') != NULL;
        return error_set(err, ERROR_MISSING, "cannot run %s: it is not %s; install it, or name %s",
                         plan->argv[0], named ? "there" : "in any folder of PATH",
                         "another program");
    }
    return error_errno(err, "cannot run %s", plan->argv[0]);
}

/* Waits until the child is the program, or has said why it is not. */
static bool has_become(const struct plan *plan, pid_t pid, int pipe_fd, struct error *err)
{
    struct failure failure;
    ssize_t got;
    do {
        got = read(pipe_fd, &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof failure) {
        return true;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return tell_failure(plan, &failure, err);
}

bool spawn_program(struct spawned *spawned, const struct command_options *options, const char *mark,
                   struct error *err)
{
    const char *const shell[] = {"/bin/sh", "-c", options->shell, NULL};
    struct plan plan = {.argv = options->argv != NULL ? options->argv : shell,
                        .dir = options->dir,
                        .env = make_environment(options->env, mark),
                        .slave = -1,
                        .output = -1,
                        .input = open("/dev/null", O_RDONLY | O_CLOEXEC),
                        .failure = -1,
                        .parent = getpid()};
    int failure[2] = {-1, -1};
    int output[2] = {-1, -1};
    int master = -1;
    bool ok = false;
    *spawned = (struct spawned){.output = -1, .terminal = -1};
    if (plan.env == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for an environment");
        goto out;
    }
    bool terminal = open_terminal(&master, &plan.slave, options->columns);
    bool piped = options->plain || !terminal;
    if (plan.input < 0 || pipe2(failure, O_CLOEXEC) != 0 ||
        (piped && pipe2(output, O_CLOEXEC) != 0)) {
        error_errno(err, "cannot run %s", plan.argv[0]);
        goto out;
    }
    plan.failure = failure[1];
    plan.output = piped ? output[1] : plan.slave;
    spawned->output = piped ? output[0] : master;
    spawned->terminal = piped ? master : -1;
    (void)fcntl(spawned->output, F_SETFL, O_NONBLOCK | (piped ? O_RDONLY : O_RDWR));
    spawned->pid = fork_quietly(&plan);
    if (spawned->pid < 0) {
        error_errno(err, "cannot start a process for %s", plan.argv[0]);
    } else {
        close_one(&failure[1]);
        ok = has_become(&plan, spawned->pid, failure[0], err);
    }
out:
    close_one(&plan.input);
    close_one(&plan.slave);
    close_one(&failure[0]);
    close_one(&failure[1]);
    close_one(&output[1]);
    if (!ok) {
        close_one(&output[0]);
        close_one(&master);
        *spawned = (struct spawned){.output = -1, .terminal = -1};
    }
    free(plan.env);
    return ok;
}
