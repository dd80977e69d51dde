/* The supervisor's client of `hotrun-inspect --layouts`, the process that reads layouts from debug
 * info. It is started when it is first wanted, and again when it has died; one library is read at a
 * time, and nothing here waits. [supervisor's loop thread] */
#ifndef SUPERVISOR_READER_H
#define SUPERVISOR_READER_H

#include "base/error.h"
#include "layout/layout.h"
#include "link/reading.h"
#include "supervisor/orphans.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#define READER_LIMIT_MS 5000U /* for one library; a process that needs longer is killed */

enum reader_outcome {
    READER_UNREAD, /* nobody has asked so far */
    READER_OK,
    READER_NONE,    /* there is no debug info, or it says nothing of the state */
    READER_REFUSED, /* what it says of the state cannot be carried, or is damaged */
    READER_FAILED   /* it could not be read: no hotrun-inspect, which died of it or took too long */
};

struct reader_result {
    enum reader_outcome outcome;
    struct layout *layout; /* READER_OK: the callee's from here on; else NULL */
    uint64_t took_ns;      /* from the question on */
    char reason[640];      /* a sentence for a person; "" with READER_OK */
};

typedef void reader_done(void *ctx, struct reader_result *result);

struct reader; /* opaque */

/* Starts nothing yet. `orphans` outlive it. `program`: hotrun-host, beside which hotrun-inspect is;
 * NULL: where host_program_find finds it. `done` hears of each question once, from the loop. NULL:
 * no memory. */
struct reader *reader_create(uv_loop_t *loop, struct orphans *orphans, const char *program,
                             unsigned limit_ms, reader_done *done, void *ctx);

/* Kills the process and lets go through the loop, which then must run once more; a question that is
 * open is never answered. NULL is allowed. */
void reader_destroy(struct reader *reader);

/* Asks for the layout of the library `path`, a private copy of `origin`. Not while it is busy.
 * False with `err`: it cannot be asked, and `done` is not called. */
bool reader_ask(struct reader *reader, const char *path, const char *origin, bool statics,
                struct error *err);

bool reader_is_busy(const struct reader *reader);

/* Its process; 0: none lives. */
pid_t reader_pid(const struct reader *reader);

#endif
