/* hotrun/static.h: a module in an ordinary program, for the release: no loader, no watcher, no
 * exported table. The module's source stays as it is:
 *
 *     cc -O2 game.c -o game `pkg-config --cflags --libs hotrun-static`
 *
 * The flags define HOTRUN_STATIC and bring a main() that runs the module at 60 Hz. This header is
 * for a program that wants a main() of its own: another rate, several modules, its own loop. With
 * -flto, or when the module's source includes it, a loop from here calls step directly or has it
 * inlined, too.
 *
 * What the program does: zeroed state, init, steps at the rate, STOPPING, fini(EXIT). Its arguments
 * are the module's. log writes to stderr what HOTRUN_LOG (trace, debug, info, warn, error; default
 * info) lets pass. request_reload and request_snapshot do nothing; serialize and deserialize are
 * not called; hotrun_alloc gives memory of calloc, and what is left at the end is the module's; all
 * other services work. SIGINT and SIGTERM end it after the step, a second one at
 * once; a signal that was ignored at the start stays so.
 *
 * Exit status: 0 for HOTRUN_EXIT or a signal, N for request_exit(N), 125 when the program itself
 * could not go on (no memory), 126 when the module can't be used: init or step returned an error,
 * or the table is not right. After an error fini is not called. */
#ifndef HOTRUN_STATIC_H
#define HOTRUN_STATIC_H

#include "hotrun.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hotrun_static hotrun_static; /* a module that runs; opaque */

/* Starts `module`: checks its table, sets up the state and the signals, calls init. `argv` is
 * main's, argv[0] included, and must stay. `config` is what host->config gives, JSON that must
 * stay; NULL: "{}". `hz` is at most 1,000,000; 0 or less: as fast as possible. Of several modules
 * each has its own; a signal ends all. NULL: no memory, which is told. What else fails is told and
 * makes hotrun_static_next return NULL at once. */
hotrun_static *hotrun_static_begin(const hotrun_module *module, int argc, char **argv, double hz,
                                   const char *config);

/* What the module's callbacks get: the same until hotrun_static_end. NULL for no run. */
const hotrun_host *hotrun_static_host(const hotrun_static *run);
void *hotrun_static_state(const hotrun_static *run);

/* Takes what the last step returned (HOTRUN_OK before the first), waits until the next one is due,
 * serving watched descriptors meanwhile, and returns what it is told; valid until the next call.
 * NULL: the program ends, or there is no run. */
const hotrun_step *hotrun_static_next(hotrun_static *run, hotrun_status last);

/* STOPPING and fini, unless there was an error; frees everything. Returns the exit status: 125 for
 * no run. */
int hotrun_static_end(hotrun_static *run);

/* All of it: what main() returns. */
static inline int hotrun_static_main(const hotrun_module *module, int argc, char **argv, double hz,
                                     const char *config)
{
    hotrun_static *run = hotrun_static_begin(module, argc, argv, hz, config);
    const hotrun_host *host = hotrun_static_host(run);
    void *state = hotrun_static_state(run);
    hotrun_status status = HOTRUN_OK;
    const hotrun_step *step;
    while ((step = hotrun_static_next(run, status)) != NULL)
        status = module->step(host, state, step);
    return hotrun_static_end(run);
}

#ifdef __cplusplus
}
#endif

#endif
