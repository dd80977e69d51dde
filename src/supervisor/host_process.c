#define _GNU_SOURCE /* asprintf, syscall */
#include "supervisor/host_process.h"

#include "base/clock.h"
#include "base/text.h"
#include "supervisor/host_program.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_CHANNEL "3"
#define CHILD_SHARED  "4"
#define CHILD_BELL    "5"
#define CHILD_FDS     6
#define ARGUMENTS     10
#define GRACE_MS      10000U
#define TOOL_MS       2000U
#define RECEIVE_MOST  64U
#define RECEIVE_LAST  1024U

struct host_process {
    uv_process_t process;
    uv_poll_t poll;
    uv_poll_t bell_poll;
    uv_timer_t limit; /* of the record's writing; of the end of a process that was reported dead,
                         or of a tool whose host is dead */
    int bell;         /* an eventfd, which the host's crash handler writes to */
    struct channel *channel;
    struct shared shared;
    struct host_callbacks callbacks;
    struct host_death death;
    struct crash_record record;
    unsigned open; /* handles that libuv still holds */
    bool alive, abandoned;
    bool reported; /* its death was, while it still ends */
    bool ready, interrupted, receiving;
    pid_t below;  /* under a tool: the host's own process, which is not the one that was started */
    int below_fd; /* its pidfd: the number may be given to another process while the tool lives */
};

pid_t host_process_pid(const struct host_process *host)
{
    return host->below != 0 ? host->below : host->process.pid;
}

bool host_process_is_ending(const struct host_process *host)
{
    siginfo_t ended = {.si_pid = 0};
    struct pollfd bell = {.fd = host->bell, .events = POLLIN};
    struct pollfd below = {.fd = host->below_fd, .events = POLLIN};
    bool rung = poll(&bell, 1, 0) > 0 &&
                atomic_load_explicit(&host->shared.page->dying, memory_order_relaxed) != 0;
    return rung || uv_is_active((const uv_handle_t *)&host->limit) != 0 ||
           (host->below_fd >= 0 && poll(&below, 1, 0) > 0) ||
           waitid(P_PID, (id_t)host->process.pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           ended.si_pid != 0;
}

bool host_process_is_ready(const struct host_process *host)
{
    return host->ready;
}

static void got_ready(struct host_process *host, uint64_t pid)
{
    if (host->ready) {
        return; /* no host says it again: whose pid that is, user code made up */
    }
    host->ready = true;
    if (pid == (uint64_t)host->process.pid || pid == 0 || pid > INT32_MAX || host->below_fd >= 0) {
        return;
    }
    host->below_fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0U);
    host->below = host->below_fd >= 0 ? (pid_t)pid : 0;
}

const struct shared *host_process_shared(const struct host_process *host)
{
    return &host->shared;
}

struct shared host_process_take_shared(struct host_process *host)
{
    struct shared shared = host->shared;
    host->shared = (struct shared){.fd = -1};
    return shared;
}

/* Handles what has come, at most `most` messages: who floods must not keep signals and the host's
 * end waiting. False: nothing more will come, or nothing that could be trusted. */
static bool receive(struct host_process *host, unsigned most)
{
    struct message message;
    struct error err;
    for (unsigned i = 0; i < most && !host->abandoned; i++) {
        switch (channel_receive(host->channel, &message, &err)) {
        case CHANNEL_GOT:
            if (message.type == MESSAGE_READY) {
                got_ready(host, message.ready.pid);
            }
            host->receiving = true;
            host->callbacks.message(host->callbacks.ctx, host, &message);
            host->receiving = false;
            break;
        case CHANNEL_BAD:
            /* Its memory cannot be trusted: it has to go, and its death is handled like any other.
             */
            host_process_kill(host, SIGKILL);
            return false;
        case CHANNEL_CLOSED:
            return false;
        case CHANNEL_EMPTY:
            return true;
        }
    }
    return true;
}

void host_process_hear(struct host_process *host)
{
    if (!host->receiving) { /* the message that is being handled would be written over */
        (void)receive(host, RECEIVE_LAST);
    }
}

static void on_channel(uv_poll_t *poll, int status, int events)
{
    struct host_process *host = poll->data;
    if ((events & UV_WRITABLE) != 0 && !channel_flush(host->channel)) {
        (void)uv_poll_start(poll, UV_READABLE, on_channel);
    }
    /* The process's end follows; a poll on a closed socket would spin until then. */
    if (!receive(host, RECEIVE_MOST) || (status < 0 && !host->abandoned)) {
        (void)uv_poll_stop(poll);
    }
}

static void free_last(struct host_process *host)
{
    if (host->open == 0) {
        channel_destroy(host->channel);
        shared_finish(&host->shared);
        if (host->bell >= 0) {
            close(host->bell);
        }
        if (host->below_fd >= 0) {
            close(host->below_fd);
        }
        free(host);
    }
}

static void on_close(uv_handle_t *handle)
{
    struct host_process *host = handle->data;
    host->open--;
    free_last(host);
}

static void close_handle(uv_handle_t *handle)
{
    if (handle->loop != NULL && uv_is_closing(handle) == 0) {
        uv_close(handle, on_close);
    }
}

static void report(struct host_process *host, int exit_status, int signal)
{
    host->reported = true;
    host->death =
        (struct host_death){.exit_status = exit_status, .signal = signal, .noticed_ns = clock_ns()};
    if (crash_read(host->shared.crash, &host->record)) {
        host->death.record = &host->record;
        if (host->below_fd >= 0) { /* how the tool ended says little */
            host->death.signal = host->record.signal;
        }
    }
    (void)receive(host, RECEIVE_LAST);
    if (!host->abandoned) {
        host->callbacks.died(host->callbacks.ctx, host, &host->death);
    }
}

/* The time for the record is over. What was written until then stands. */
static void on_limit(uv_timer_t *timer)
{
    struct host_process *host = timer->data;
    host_process_kill(host, SIGKILL);
    if (!host->reported && host->below_fd < 0 && crash_read(host->shared.crash, &host->record)) {
        report(host, 0, host->record.signal);
    }
}

/* It is rung when the handler begins and when it is done. */
static void on_bell(uv_poll_t *poll, int status, int events)
{
    struct host_process *host = poll->data;
    uint64_t rings;
    ssize_t got = read(host->bell, &rings, sizeof rings);
    const struct shared *shared = &host->shared;
    bool dying = atomic_load_explicit(&shared->page->dying, memory_order_acquire) != 0;
    (void)status;
    (void)events;
    if (got < 0 || !dying || host->reported) {
        return;
    }
    if (crash_read(shared->crash, &host->record) &&
        atomic_load_explicit(&host->record.stage, memory_order_relaxed) == CRASH_DONE) {
        (void)uv_timer_stop(&host->limit);
        if (host->below_fd < 0) {
            report(host, 0, host->record.signal);
        } else if (host->interrupted) {
            (void)uv_timer_start(&host->limit, on_limit, CRASH_LIMIT_MS, 0); /* for the tool */
        } /* else the tool's user may want to look at it */
    } else if (uv_is_active((uv_handle_t *)&host->limit) == 0) {
        (void)uv_timer_start(&host->limit, on_limit, CRASH_LIMIT_MS, 0);
    }
}

static void on_process_exit(uv_process_t *process, int64_t exit_status, int term_signal)
{
    struct host_process *host = process->data;
    host->alive = false;
    orphans_forget(host->callbacks.orphans, process->pid);
    if (!host->abandoned) {
        report(host, (int)exit_status, term_signal);
        return;
    }
    orphans_end(host->callbacks.orphans);
    close_handle((uv_handle_t *)&host->limit);
    close_handle((uv_handle_t *)process);
}

/* The bell and the timer that goes with it. */
static bool hang_bell(struct host_process *host, uv_loop_t *loop, struct error *err)
{
    host->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (host->bell < 0) {
        return error_errno(err, "cannot create an eventfd");
    }
    if (uv_poll_init(loop, &host->bell_poll, host->bell) != 0) {
        return error_set(err, ERROR_SYSTEM, "cannot watch the host's bell");
    }
    host->open++;
    (void)uv_timer_init(loop, &host->limit);
    host->open++;
    return true;
}

/* The words of the host's command line; under --wrap a shell puts the tool before them. uv_spawn
 * wants them writable. */
static void set_arguments(char *args[ARGUMENTS], const struct config *config, char *path,
                          char *protocol, char **line)
{
    static char shell[] = "/bin/sh";
    static char option[] = "-c";
    static char name[] = "hotrun-wrap";
    static char channel[] = CHILD_CHANNEL;
    static char shared[] = CHILD_SHARED;
    static char bell[] = CHILD_BELL;
    size_t n = 0;
    *line = NULL;
    if (config->wrap != NULL && asprintf(line, "exec %s \"$@\"", config->wrap) > 0) {
        args[n++] = shell;
        args[n++] = option;
        args[n++] = *line;
        args[n++] = name;
    }
    args[n++] = path;
    args[n++] = channel;
    args[n++] = shared;
    args[n++] = bell;
    args[n++] = protocol;
    args[n] = NULL;
}

static bool spawn(struct host_process *host, uv_loop_t *loop, const struct config *config,
                  int child_channel, struct error *err)
{
    char *args[ARGUMENTS];
    char protocol[64];
    char *line = NULL;
    char *path = host_program_find(err);
    if (path == NULL) {
        return false;
    }
    uv_stdio_container_t stdio[CHILD_FDS] = {
        {.flags = UV_INHERIT_FD, .data.fd = STDIN_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = child_channel},
        {.flags = UV_INHERIT_FD, .data.fd = host->shared.fd},
        {.flags = UV_INHERIT_FD, .data.fd = host->bell},
    };
    message_protocol(protocol, sizeof protocol);
    set_arguments(args, config, path, protocol, &line);
    uv_process_options_t options = {.file = args[0],
                                    .args = args,
                                    .stdio = stdio,
                                    .stdio_count = CHILD_FDS,
                                    .exit_cb = on_process_exit};
    int status = uv_spawn(loop, &host->process, &options);
    free(line);
    if (status != 0) {
        error_set(err, ERROR_SYSTEM, "cannot start %s: %s", path, uv_strerror(status));
    }
    free(path);
    host->open++; /* uv_spawn initialises the handle even when it fails */
    host->alive = status == 0;
    if (host->alive) {
        orphans_expect(host->callbacks.orphans, host->process.pid);
    }
    return status == 0;
}

bool host_process_setup(struct host_process *host, const struct config *config,
                        uint64_t slot_address, enum rate_kind rate_kind, double rate_hz,
                        bool paused, enum log_level level, struct error *err)
{
    struct text args = {0};
    for (size_t i = 0; config->args != NULL && config->args[i] != NULL; i++) {
        text_append(&args, config->args[i], strlen(config->args[i]) + 1);
    }
    struct message message = {
        .type = MESSAGE_SETUP,
        .setup = {.supervisor_pid = config->wrap == NULL ? (uint64_t)getpid() : 0,
                  .slot_address = slot_address,
                  .state_max_json = config->state_max_json,
                  .state_max_size = config->state_max_size,
                  .pin_limit = config->pin_limit,
                  .defer_limit_ns = config->defer_limit_ns,
                  .max_dt_ns = config->max_dt_ns,
                  .rate_kind = (uint64_t)rate_kind,
                  .rate_hz = rate_hz,
                  .hold_on_loss = config->on_loss == LOSS_HOLD,
                  .statics = config->statics,
                  .reset_on_mismatch = config->on_mismatch == MISMATCH_RESET,
                  .log_level = (uint64_t)level,
                  .color = config->color,
                  .paused = paused,
                  .checkpoint_ns = config->checkpoint_ns,
                  .stop_timeout_ns = config->stop_timeout_ns,
                  .config = bytes_of(config->module_config),
                  .args = {text_string(&args), args.len}}};
    bool ok = args.failed ? error_set(err, ERROR_SYSTEM, "no memory for the module's arguments")
                          : channel_send(host->channel, &message, err);
    text_finish(&args);
    return ok;
}

struct host_process *host_process_start(uv_loop_t *loop, const struct config *config,
                                        struct shared *shared,
                                        const struct host_callbacks *callbacks, struct error *err)
{
    int fds[2] = {-1, -1};
    struct host_process *host = calloc(1, sizeof *host);
    if (host == NULL) {
        shared_finish(shared);
        error_set(err, ERROR_SYSTEM, "no memory for a host");
        return NULL;
    }
    host->callbacks = *callbacks;
    host->below_fd = -1;
    host->shared = *shared;
    *shared = (struct shared){.fd = -1};
    host->bell = -1;
    host->process.data = host;
    host->poll.data = host;
    host->bell_poll.data = host;
    host->limit.data = host;
    if (!hang_bell(host, loop, err) || !channel_pair(fds, err)) {
        goto fail;
    }
    host->channel = channel_create(fds[0], err);
    if (host->channel == NULL) {
        close(fds[0]);
        goto fail;
    }
    if (uv_poll_init(loop, &host->poll, fds[0]) != 0) {
        error_set(err, ERROR_SYSTEM, "cannot watch the host's channel");
        goto fail;
    }
    host->open++;
    if (!spawn(host, loop, config, fds[1], err)) {
        goto fail;
    }
    if (uv_poll_start(&host->poll, UV_READABLE, on_channel) != 0 ||
        uv_poll_start(&host->bell_poll, UV_READABLE, on_bell) != 0) {
        error_set(err, ERROR_SYSTEM, "cannot watch the host");
        goto fail;
    }
    close(fds[1]);
    return host;
fail:
    if (fds[1] >= 0) {
        close(fds[1]);
    }
    host_process_destroy(host);
    return NULL;
}

bool host_process_send_fd(struct host_process *host, const struct message *message, int fd,
                          struct error *err)
{
    if (!channel_send_fd(host->channel, message, fd, err)) {
        return false;
    }
    if (channel_flush(host->channel)) {
        (void)uv_poll_start(&host->poll, UV_READABLE | UV_WRITABLE, on_channel);
    }
    atomic_store_explicit(&host->shared.page->command, 1, memory_order_release);
    return true;
}

bool host_process_send(struct host_process *host, const struct message *message, struct error *err)
{
    return host_process_send_fd(host, message, -1, err);
}

int host_process_take_fd(struct host_process *host)
{
    return channel_take_fd(host->channel);
}

static void on_tool_limit(uv_timer_t *timer)
{
    struct host_process *host = timer->data;
    (void)uv_process_kill(&host->process, SIGKILL);
}

void host_process_kill(struct host_process *host, int signal)
{
    if (!host->alive) {
        return;
    }
    if (host->below_fd < 0) {
        (void)uv_process_kill(&host->process, signal);
        return;
    }
    (void)syscall(SYS_pidfd_send_signal, host->below_fd, signal, NULL, 0U);
    if (signal == SIGKILL) {
        /* The tool ends with it, and may have something to write. */
        (void)uv_timer_start(&host->limit, on_tool_limit, TOOL_MS, 0);
    }
}

void host_process_interrupt(struct host_process *host)
{
    pid_t pid = host_process_pid(host);
    if (!host->alive || host->reported || uv_is_active((uv_handle_t *)&host->limit) != 0) {
        return;
    }
    if (host->below_fd < 0 || syscall(SYS_pidfd_send_signal, host->below_fd, 0, NULL, 0U) == 0) {
        (void)syscall(SYS_tgkill, pid, pid, SIGABRT);
    }
    host->interrupted = true;
    (void)uv_timer_start(&host->limit, on_limit, CRASH_LIMIT_MS, 0);
}

/* At once, and the tool as well. */
static void end_all(struct host_process *host)
{
    if (host->alive) {
        host_process_kill(host, SIGKILL);
        (void)uv_process_kill(&host->process, SIGKILL);
    }
}

static void on_grace_over(uv_timer_t *timer)
{
    end_all(timer->data);
}

void host_process_destroy(struct host_process *host)
{
    if (host == NULL) {
        return;
    }
    host->abandoned = true;
    close_handle((uv_handle_t *)&host->poll);
    close_handle((uv_handle_t *)&host->bell_poll);
    /* libuv reaps only what it still has a handle for: one that lives is closed when it is dead. */
    if (!host->alive) {
        close_handle((uv_handle_t *)&host->limit);
        close_handle((uv_handle_t *)&host->process);
    } else if (host->reported) {
        (void)uv_timer_start(&host->limit, on_grace_over, GRACE_MS, 0);
    } else {
        end_all(host);
        close_handle((uv_handle_t *)&host->limit);
    }
    free_last(host);
}
