/* Runs one program on a terminal of its own (a pty), in a session of its own, and hands on what it
 * says as it comes. Can be ended with everything that it started. [supervisor's loop thread] */
#ifndef BUILDER_COMMAND_H
#define BUILDER_COMMAND_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct command; /* opaque */

struct command_options {     /* borrowed during the call */
    const char *const *argv; /* NULL-terminated; looked up in PATH */
    const char *shell;       /* instead of argv: a line for /bin/sh */
    const char *dir;         /* where it runs */
    const char *const *env;  /* "NAME=value", over this process's environment; NULL: none */
    uint64_t timeout_ns;     /* 0: none */
    unsigned columns;        /* of its terminal; 0: 80 */
    bool plain;              /* no terminal but a pipe: its output is to have no colours */
};

struct command_end {
    int status; /* its exit status; of no meaning with a signal */
    int signal; /* that ended it; 0: none */
    bool timed_out, cancelled;
    uint64_t took_ns;
};

struct command_callbacks {
    void *ctx;
    /* What it wrote, as it is: "\r\n" is "\n" already, colours are left in. */
    void (*output)(void *ctx, const char *bytes, size_t len);
    /* Last: it has ended, and its output is complete. It may destroy the command. */
    void (*ended)(void *ctx, const struct command_end *end);
};

/* NULL with `err` when it cannot be started; a program that is missing is named. */
struct command *command_start(uv_loop_t *loop, const struct command_options *options,
                              const struct command_callbacks *callbacks, struct error *err);

/* Ends it and all that it started, also what left its session: SIGTERM, and SIGKILL for what is
 * still there 300 ms later. `ended` follows when none is left. */
void command_cancel(struct command *command);

pid_t command_pid(const struct command *command); /* also that of its process group */

/* What it started is ended by SIGKILL at once; `ended` is not called any more. NULL is allowed. */
void command_destroy(struct command *command);

#endif
