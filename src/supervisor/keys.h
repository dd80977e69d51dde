/* Keys that steer hotrun, where the terminal is hotrun's to read. [supervisor's loop thread] */
#ifndef SUPERVISOR_KEYS_H
#define SUPERVISOR_KEYS_H

#include "terminal/key_press.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct build;
struct supervisor;

struct keys {
    bool possible; /* there is a terminal to read, and nothing forbids it */
    bool on;       /* what runs lets them be: the modes follow when the terminal is ours */
    bool decided, told_on;
    int fd; /* a description of its own, so that a read never waits; -1: none */
    uv_poll_t poll;
    bool listens;
    struct key_press press;
    unsigned waiting; /* keys whose command is under way, a bit each */
};

/* Opens the terminal for reading when keys are possible. */
void keys_begin(struct supervisor *sup);

/* Whether they are on is decided by what runs, and by `loading`, which is about to (NULL: nothing
 * is): not while one of them may read the terminal, if terminal.keys leaves it open. */
void keys_decide(struct supervisor *sup, const struct build *loading);

/* Reads them, or lets them be. */
void keys_listen(struct supervisor *sup, bool on);

/* Closes its handle through the loop. */
void keys_end(struct supervisor *sup);

#endif
