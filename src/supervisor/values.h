/* Answers with a value out of a state, which is found on a worker thread: states are large, and
 * images become JSON first. [supervisor's loop thread, but for the work itself] */
#ifndef SUPERVISOR_VALUES_H
#define SUPERVISOR_VALUES_H

#include "link/message.h"

#include <stdbool.h>
#include <stdint.h>

struct control_call;
struct supervisor;

struct value_source { /* a file that somebody else has written */
    int fd;           /* taken over */
    bool shared;      /* it is shared memory, whose `slot` has the state, with all that it says */
    int slot;
    enum reply_form form; /* what it has; of shared memory: found there */
    uint64_t limit;       /* most bytes of it; of shared memory: of a state in it */
    uint64_t generation, step;
};

/* Answers `call` with the value at `pointer`. Takes the source over. */
void values_answer(struct supervisor *sup, const struct value_source *source, const char *pointer,
                   struct control_call *call);

/* Calls are answered no more: the control socket has told their callers. The work ends with the
 * loop. */
void values_finish(struct supervisor *sup);

#endif
