/* One host process and what ties it to the supervisor: the channel, the shared memory, its end.
 * [supervisor's loop thread] */
#ifndef SUPERVISOR_HOST_PROCESS_H
#define SUPERVISOR_HOST_PROCESS_H

#include "base/error.h"
#include "config/config.h"
#include "link/channel.h"
#include "link/crash.h"
#include "link/message.h"
#include "link/shared.h"
#include "supervisor/orphans.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct host_process; /* opaque */

struct host_death {
    int exit_status; /* when signal is 0 */
    int signal;
    uint64_t noticed_ns;
    /* What the host wrote of it, checked; until `died` returns. NULL: it died without. */
    const struct crash_record *record;
};

struct host_callbacks {
    void *ctx;
    struct orphans *orphans; /* is told of the host's process */
    /* The message's bytes live until it returns. */
    void (*message)(void *ctx, struct host_process *host, const struct message *message);
    /* Once, after the last message: the process is gone and reaped, or has written the record of
     * its death and ends by itself (a core dump and a large heap take time). The callee destroys
     * `host`.
     */
    void (*died)(void *ctx, struct host_process *host, const struct host_death *death);
};

/* Starts a host, which then waits for its setup. `shared` is taken over, also on failure. NULL with
 * `err`. */
struct host_process *host_process_start(uv_loop_t *loop, const struct config *config,
                                        struct shared *shared,
                                        const struct host_callbacks *callbacks, struct error *err);

/* Tells it how to run, once, before anything else is sent. `rate_kind`, `rate_hz`: the pace, which
 * a module may have changed since the config. */
bool host_process_setup(struct host_process *host, const struct config *config,
                        uint64_t slot_address, enum rate_kind rate_kind, double rate_hz,
                        bool paused, enum log_level level, struct error *err);

/* The host's own; under a tool (run.wrap) and before it is ready, the tool's. */
pid_t host_process_pid(const struct host_process *host);
bool host_process_is_ready(const struct host_process *host); /* it runs, and has said so */
/* It has ended, or is writing the record of its death, and this was not reported so far. */
bool host_process_is_ending(const struct host_process *host);
const struct shared *host_process_shared(const struct host_process *host);

/* Sends, and makes a busy step loop look up. A dead host is no error. */
bool host_process_send(struct host_process *host, const struct message *message, struct error *err);

/* The same for a KEEP, ASK, EDIT or LAYOUT that `fd` goes along with; fd stays the caller's. */
bool host_process_send_fd(struct host_process *host, const struct message *message, int fd,
                          struct error *err);

/* Handles what it has said so far, where the loop has not come to it. Within callbacks.message:
 * nothing. */
void host_process_hear(struct host_process *host);

/* Within callbacks.message: the descriptor that came with a KEEP, the caller's from here on; -1:
 * none came. */
int host_process_take_fd(struct host_process *host);

/* Under a tool it is the host that gets the signal; after SIGKILL the tool has 2 s to end. */
void host_process_kill(struct host_process *host, int signal);

/* For a host that hangs: its main thread gets SIGABRT, for the record of where it is; when that has
 * not come within CRASH_LIMIT_MS, the process is killed. Its death is reported like any other. */
void host_process_interrupt(struct host_process *host);

/* Hands its shared memory to the caller, for what the dead host left there. */
struct shared host_process_take_shared(struct host_process *host);

/* Closes its handles through the loop. A process that still lives is killed, and not reported any
 * more; one that dies of itself after its death was reported has 10 s for that. The loop goes on
 * until then. NULL is allowed. */
void host_process_destroy(struct host_process *host);

#endif
