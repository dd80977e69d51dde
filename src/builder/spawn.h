/* Starts a program in a session and on a terminal of its own. Nothing here waits for its end. */
#ifndef BUILDER_SPAWN_H
#define BUILDER_SPAWN_H

#include "base/error.h"
#include "builder/command.h"

#include <stdbool.h>
#include <sys/types.h>

struct spawned {
    pid_t pid;    /* also of its session and process group */
    int output;   /* what it writes is read here, without blocking; the caller closes it */
    int terminal; /* its controlling terminal, where that is not `output`; -1: it is, or none could
                     be had; the caller closes it */
};

/* `mark` is put into its environment. The end of this thread ends it, and hangs up on the rest of
 * its session. False with `err`: nothing runs. */
bool spawn_program(struct spawned *spawned, const struct command_options *options, const char *mark,
                   struct error *err);

#endif
