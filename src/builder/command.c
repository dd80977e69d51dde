#include "builder/command.h"

#include "base/clock.h"
#include "builder/cut.h"
#include "builder/kin.h"
#include "builder/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE         4096U                /* what a terminal gives at most at a time */
#define ROOM          (CUT_REST_MOST + 1U) /* before a piece, for the rest of the one before */
#define PIECES_A_TURN 8U                   /* who floods must not keep the loop's others waiting */
#define PIECES_LAST   256U
#define LEFT_OPEN_MS  20U /* for the last words of what still holds the output when it has ended */
#define LOOK_MS       5U
#define TERM_NS       (300 * NS_PER_MS)
#define GIVE_UP_NS    (5 * NS_PER_S)
#define LAST_LOOKS    50
#define LAST_LOOK_NS  2000000L

struct command {
    uv_poll_t poll;
    uv_signal_t child;
    uv_timer_t limit;
    uv_timer_t look; /* for the end of what is killed, or of the output */
    unsigned open;   /* handles that libuv still holds */
    struct spawned spawned;
    struct command_callbacks callbacks;
    struct command_end end;
    char mark[KIN_MARK_SIZE];
    struct kin kin; /* what is being ended */
    uint64_t started_ns, killing_ns;
    bool killing; /* it is ended, with all that belongs to it */
    bool gone;    /* nothing of that is left, or it is given up */
    bool reaped, output_over, told;
    bool returned;            /* a "\r" was read, and what follows was not */
    char rest[CUT_REST_MOST]; /* of what was read, not handed on so far */
    size_t rest_len;
};

/* ---- output ---- */

static void output(struct command *command, const char *bytes, size_t len)
{
    if (len > 0) {
        command->callbacks.output(command->callbacks.ctx, bytes, len);
    }
}

/* Hands on `len` bytes, with ROOM in front of them, behind the rest of those before. A run of "\r"
 * is one, and none before a "\n". */
static void hand_on(struct command *command, char *bytes, size_t len)
{
    char *to = bytes - ROOM;
    size_t used = command->rest_len;
    memcpy(to, command->rest, used);
    for (size_t i = 0; i < len; i++) {
        char byte = bytes[i];
        if (command->returned && byte != '\r' && byte != '\n') {
            to[used++] = '\r';
        }
        command->returned = byte == '\r';
        if (byte != '\r') {
            to[used++] = byte;
        }
    }
    size_t whole = cut_whole(to, used);
    command->rest_len = used - whole;
    memcpy(command->rest, to + whole, command->rest_len);
    output(command, to, whole);
}

/* Reads at most `most` pieces. */
static void read_output(struct command *command, unsigned most)
{
    char piece[ROOM + PIECE];
    for (unsigned i = 0; i < most && !command->output_over; i++) {
        ssize_t got = read(command->spawned.output, piece + ROOM, PIECE);
        if (got > 0) {
            hand_on(command, piece + ROOM, (size_t)got);
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            command->output_over = true; /* a terminal's end is EIO */
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* ---- the end ---- */

static void tell_end(struct command *command)
{
    read_output(command, PIECES_LAST);
    output(command, command->rest, command->rest_len);
    command->told = true;
    (void)uv_poll_stop(&command->poll);
    (void)uv_signal_stop(&command->child);
    (void)uv_timer_stop(&command->limit);
    (void)uv_timer_stop(&command->look);
    command->callbacks.ended(command->callbacks.ctx, &command->end);
}

static void note_end(struct command *command, int status)
{
    command->reaped = true;
    command->end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    command->end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    command->end.took_ns = clock_ns() - command->started_ns;
    if (command->callbacks.process != NULL) {
        command->callbacks.process(command->callbacks.ctx, command->spawned.pid, false);
    }
}

static bool reap(struct command *command)
{
    int status = 0;
    pid_t got = command->reaped ? 0 : waitpid(command->spawned.pid, &status, WNOHANG);
    if (got == command->spawned.pid || (got < 0 && errno == ECHILD)) {
        note_end(command, status);
    }
    return command->reaped;
}

/* ---- killing ---- */

static void signal_all(struct command *command, int signal)
{
    if (!kin_find(&command->kin, command->spawned.pid, command->mark) && !command->reaped) {
        (void)kill(-command->spawned.pid, signal); /* better than nothing */
        return;
    }
    kin_signal(&command->kin, signal);
    if (signal != SIGKILL) {
        kin_signal(&command->kin, SIGCONT); /* a stopped one would not hear it */
    }
}

static void on_look(uv_timer_t *timer);

static void look_again(struct command *command)
{
    (void)uv_timer_start(&command->look, on_look, LOOK_MS, 0);
}

static void on_look(uv_timer_t *timer)
{
    struct command *command = timer->data;
    if (!command->killing) { /* something still holds the output */
        tell_end(command);
        return;
    }
    uint64_t passed = clock_ns() - command->killing_ns;
    bool hard = passed >= TERM_NS;
    if (passed >= GIVE_UP_NS) {
        command->gone = true;
        if (!reap(command)) {
            note_end(command, SIGKILL);
        }
    } else if (hard || !kin_lives(&command->kin)) {
        signal_all(command, hard ? SIGKILL : SIGTERM);
        command->gone = command->kin.count == 0 && !command->kin.hidden && reap(command);
    }
    if (command->gone) {
        tell_end(command);
    } else {
        look_again(command);
    }
}

static void begin_killing(struct command *command)
{
    command->killing = true;
    command->killing_ns = clock_ns();
    signal_all(command, SIGTERM);
    look_again(command);
}

void command_cancel(struct command *command)
{
    if (!command->told && !command->killing) {
        command->end.cancelled = true;
        begin_killing(command);
    }
}

/* ---- the loop's calls ---- */

static void on_output(uv_poll_t *poll, int status, int events)
{
    struct command *command = poll->data;
    (void)status;
    (void)events;
    read_output(command, PIECES_A_TURN);
    if (command->output_over) {
        (void)uv_poll_stop(poll);
        if (command->reaped && !command->killing) {
            tell_end(command);
        }
    }
}

static void on_child(uv_signal_t *handle, int signal)
{
    struct command *command = handle->data;
    (void)signal;
    if (command->reaped || !reap(command) || command->killing) {
        return;
    }
    (void)uv_timer_stop(&command->limit);
    read_output(command, PIECES_A_TURN);
    if (command->output_over) {
        tell_end(command);
    } else {
        (void)uv_timer_start(&command->look, on_look, LEFT_OPEN_MS, 0);
    }
}

/* The loop looks at the clock first: a command that ended in time may not have been heard of. */
static void on_limit(uv_timer_t *timer)
{
    struct command *command = timer->data;
    on_child(&command->child, SIGCHLD);
    if (!command->reaped && !command->killing) {
        command->end.timed_out = true;
        begin_killing(command);
    }
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct command *command = handle->data;
    if (--command->open == 0) {
        kin_finish(&command->kin);
        free(command);
    }
}

static void close_all(struct command *command)
{
    uv_handle_t *const handles[] = {(uv_handle_t *)&command->poll, (uv_handle_t *)&command->child,
                                    (uv_handle_t *)&command->limit, (uv_handle_t *)&command->look};
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++) {
        if (handles[i]->data != NULL) {
            uv_close(handles[i], on_closed);
        }
    }
    if (command->spawned.output >= 0) {
        close(command->spawned.output);
    }
    if (command->spawned.terminal >= 0) {
        close(command->spawned.terminal);
    }
}

static void own(struct command *command, uv_handle_t *handle)
{
    handle->data = command;
    command->open++;
}

struct command *command_start(uv_loop_t *loop, const struct command_options *options,
                              const struct command_callbacks *callbacks, struct error *err)
{
    struct command *command = calloc(1, sizeof *command);
    if (command == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for a command");
        return NULL;
    }
    *command = (struct command){.callbacks = *callbacks,
                                .spawned = {.output = -1, .terminal = -1},
                                .started_ns = clock_ns()};
    kin_mark(command->mark);
    (void)uv_timer_init(loop, &command->limit);
    own(command, (uv_handle_t *)&command->limit);
    (void)uv_timer_init(loop, &command->look);
    own(command, (uv_handle_t *)&command->look);
    (void)uv_signal_init(loop, &command->child);
    own(command, (uv_handle_t *)&command->child);
    /* Before there is a child: its end is not to be missed. */
    if (uv_signal_start(&command->child, on_child, SIGCHLD) != 0) {
        error_set(err, ERROR_SYSTEM, "cannot handle the end of a command");
        goto failed;
    }
    if (!spawn_program(&command->spawned, options, command->mark, err)) {
        goto failed;
    }
    if (callbacks->process != NULL) {
        callbacks->process(callbacks->ctx, command->spawned.pid, true);
    }
    if (uv_poll_init(loop, &command->poll, command->spawned.output) != 0) {
        error_set(err, ERROR_SYSTEM, "cannot read what a command writes");
        command_destroy(command);
        return NULL;
    }
    own(command, (uv_handle_t *)&command->poll);
    (void)uv_poll_start(&command->poll, UV_READABLE, on_output);
    if (options->timeout_ns > 0) {
        (void)uv_timer_start(&command->limit, on_limit, options->timeout_ns / NS_PER_MS + 1, 0);
    }
    return command;
failed:
    close_all(command);
    return NULL;
}

pid_t command_pid(const struct command *command)
{
    return command->spawned.pid;
}

void command_destroy(struct command *command)
{
    if (command == NULL) {
        return;
    }
    for (int look = 0; look < LAST_LOOKS && !command->told; look++) {
        struct timespec pause = {.tv_nsec = LAST_LOOK_NS};
        signal_all(command, SIGKILL);
        if (reap(command) && command->kin.count == 0 && !command->kin.hidden) {
            break;
        }
        (void)nanosleep(&pause, NULL);
    }
    close_all(command);
}
