/* Runs one program on a terminal of its own (a pty), in a session of its own, and hands on what it
 * says as it comes. Can be ended with everything that it started. It ends with this process. Nobody
 * types there: who reads gets the end of the input. What it leaves behind when it ends by itself (a
 * compiler's cache server) is left in peace. [supervisor's loop thread] */
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
    const char *const *env;  /* "NAME=value", over this process's environment without its HOTRUN_
                                variables; NULL: none. TERM is xterm-256color where none is set */
    uint64_t timeout_ns;     /* 0: none */
    unsigned columns;        /* of its terminal; 0: 80 */
    bool plain;              /* no terminal but a pipe: its output is to have no colours */
};

struct command_end {
    int status; /* its exit status; of no meaning with a signal */
    int signal; /* that ended it; 0: none */
    bool timed_out, cancelled;
    uint64_t took_ns; /* until the program's own end */
};

struct command_callbacks {
    void *ctx;
    /* NULL, or for who reaps children of this process: `pid` is this command's to reap from here on
     * (`runs`), called before command_start returns; and has been. */
    void (*process)(void *ctx, pid_t pid, bool runs);
    /* What it wrote, as it is: "\r\n" is "\n" already, colours are left in. None but the last piece
     * ends in a character or in an escape sequence (cut.h). */
    void (*output)(void *ctx, const char *bytes, size_t len);
    /* Last: it has ended, and its output is complete. It may destroy the command. */
    void (*ended)(void *ctx, const struct command_end *end);
};

/* NULL with `err` when it cannot be started; a program that is missing is named. */
struct command *command_start(uv_loop_t *loop, const struct command_options *options,
                              const struct command_callbacks *callbacks, struct error *err);

/* Ends it and all that it started, also what left its session (kin.h): SIGTERM, and SIGKILL for
 * what is still there 300 ms later. `ended` follows when none is left; after 5 s also with one that
 * a kill does not end (a disk that does not answer). Nothing happens when it has ended. */
void command_cancel(struct command *command);

pid_t command_pid(const struct command *command); /* also that of its process group */

/* One that runs is ended by SIGKILL at once with all that it started, which is waited for, a tenth
 * of a second at most; `ended` is not called any more. Closes its handles by the loop. NULL is
 * allowed. */
void command_destroy(struct command *command);

#endif
