/* A list of commands, several of which run at once. After the first that fails none is started any
 * more; those that run come to their end, so that all that they have to say is said.
 * [supervisor's loop thread] */
#ifndef BUILDER_BATCH_H
#define BUILDER_BATCH_H

#include "base/error.h"
#include "builder/command.h"
#include "builder/flags.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct batch; /* opaque */

struct batch_callbacks {
    void *ctx;
    void (*process)(void *ctx, pid_t pid, bool runs); /* as command.h; NULL is allowed */
    /* What they write. One that runs alone is heard as it goes; several are told one after the
     * other, each whole. */
    void (*output)(void *ctx, const char *bytes, size_t len);
    /* The command that was added with `tag` has ended. */
    void (*one_ended)(void *ctx, void *tag, const struct command_end *end);
    /* Last, from the loop: with the first end that was none of success; none: one with status 0.
     * `problem` (NULL: none) says why a command could not be started. It may destroy the batch. */
    void (*ended)(void *ctx, const struct command_end *end, const struct error *problem);
};

/* `options`: of each command; argv is not looked at, the rest is copied but for what it points to,
 * which has to live as long as the batch. at_once: 0: as many as there are processors. NULL: no
 * memory. */
struct batch *batch_create(uv_loop_t *loop, const struct command_options *options, unsigned at_once,
                           const struct batch_callbacks *callbacks);

/* Adds a command; argv is taken over. `tag` is the caller's. False: no memory. */
bool batch_add(struct batch *batch, struct flags *argv, void *tag);

void batch_start(struct batch *batch); /* `ended` follows, also with an empty list */
void batch_cancel(struct batch *batch);
void batch_destroy(struct batch *batch); /* as command_destroy; NULL is allowed */

#endif
