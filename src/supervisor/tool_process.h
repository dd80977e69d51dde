/* A process of hotrun-inspect's, which reads debug info for the supervisor: found, started with a
 * channel to it, let go. [supervisor's loop thread] */
#ifndef SUPERVISOR_TOOL_PROCESS_H
#define SUPERVISOR_TOOL_PROCESS_H

#include "base/error.h"
#include "supervisor/orphans.h"

#include <sys/types.h>
#include <uv.h>

#define TOOL_CHANNEL 3 /* the descriptor on which it is asked */

struct tool_process; /* opaque; lives until libuv has let go of it */

struct tool_setup {
    uv_loop_t *loop;
    struct orphans *orphans; /* outlive the process */
    const char *path;
    const char *argument;
    int room; /* bytes that the channel holds at least */

    /* It has ended by itself: it is none any more. Not after tool_process_drop. */
    void (*ended)(void *ctx, int exit_status, int signal);
    void *ctx;
};

/* hotrun-inspect, which lies beside hotrun-host, or where that would be in a build folder. `host`:
 * the path of hotrun-host; NULL: where host_program_find finds it. NULL: it is not there. Caller
 * frees. */
char *tool_process_find(const char *host);

/* *channel: our end of a SOCK_SEQPACKET pair, the caller's. NULL with `err`. */
struct tool_process *tool_process_start(const struct tool_setup *setup, int *channel,
                                        struct error *err);

/* Kills it; it is reaped when it has ended, for which the loop must run. NULL is allowed. */
void tool_process_drop(struct tool_process *process);

pid_t tool_process_pid(const struct tool_process *process);

#endif
