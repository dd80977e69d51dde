#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "supervisor/tool_process.h"

#include "base/path.h"
#include "supervisor/host_program.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tool_process {
    uv_process_t process;
    struct orphans *orphans;
    void (*ended)(void *ctx, int exit_status, int signal);
    void *ctx;
    bool dropped;
};

static char *find_beside(const char *host)
{
    static const char *const places[] = {"hotrun-inspect", "../inspect/hotrun-inspect"};
    char *folder = path_dir(host);
    for (size_t i = 0; folder != NULL && i < sizeof places / sizeof places[0]; i++) {
        char *path = path_join(folder, places[i]);
        if (path != NULL && access(path, X_OK) == 0) {
            free(folder);
            return path;
        }
        free(path);
    }
    free(folder);
    return NULL;
}

char *tool_process_find(const char *host)
{
    char *own = host == NULL ? host_program_find(NULL) : NULL;
    char *path = host == NULL && own == NULL ? NULL : find_beside(host == NULL ? own : host);
    free(own);
    return path;
}

static void on_close(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_exit_of(uv_process_t *process, int64_t exit_status, int term_signal)
{
    struct tool_process *tool = process->data;
    orphans_forget(tool->orphans, process->pid);
    uv_close((uv_handle_t *)process, on_close);
    if (!tool->dropped) {
        tool->ended(tool->ctx, (int)exit_status, term_signal);
    }
}

static bool spawn(struct tool_process *tool, const struct tool_setup *setup, int far,
                  struct error *err)
{
    char *path = strdup(setup->path); /* uv_spawn wants them writable */
    char *argument = strdup(setup->argument);
    char *args[] = {path, argument, NULL};
    uv_stdio_container_t stdio[TOOL_CHANNEL + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = far},
    };
    uv_process_options_t options = {.file = path,
                                    .args = args,
                                    .stdio = stdio,
                                    .stdio_count = TOOL_CHANNEL + 1,
                                    .exit_cb = on_exit_of};
    int status = path == NULL || argument == NULL ? UV_ENOMEM
                                                  : uv_spawn(setup->loop, &tool->process, &options);
    if (path == NULL || argument == NULL) {
        free(tool);
    } else if (status != 0) {
        uv_close((uv_handle_t *)&tool->process, on_close);
    } else {
        orphans_expect(setup->orphans, tool->process.pid);
    }
    free(path);
    free(argument);
    return status == 0 ||
           error_set(err, ERROR_SYSTEM, "cannot start %s: %s", setup->path, uv_strerror(status));
}

struct tool_process *tool_process_start(const struct tool_setup *setup, int *channel,
                                        struct error *err)
{
    int fds[2];
    struct tool_process *tool = calloc(1, sizeof *tool);
    if (tool == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory to start %s", setup->path);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        (void)error_errno(err, "cannot create a channel to %s", setup->path);
        free(tool);
        return NULL;
    }
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &setup->room, sizeof setup->room);
    (void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &setup->room, sizeof setup->room);
    tool->process.data = tool;
    tool->orphans = setup->orphans;
    tool->ended = setup->ended;
    tool->ctx = setup->ctx;
    bool ok = spawn(tool, setup, fds[1], err);
    (void)close(fds[1]);
    if (!ok) {
        (void)close(fds[0]);
        return NULL;
    }
    *channel = fds[0];
    return tool;
}

void tool_process_drop(struct tool_process *process)
{
    if (process != NULL) {
        process->dropped = true;
        (void)uv_process_kill(&process->process, SIGKILL);
    }
}

pid_t tool_process_pid(const struct tool_process *process)
{
    return process->process.pid;
}
