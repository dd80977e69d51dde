/* Compiles C and C++ files into a library: which compiler, options and linker, which objects are
 * out of date, and which files were read. What is to be run is run by command.h, several at once
 * where there are several processors. [supervisor's loop thread] */
#ifndef BUILDER_COMPILE_H
#define BUILDER_COMPILE_H

#include "base/error.h"
#include "builder/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct compile; /* opaque */

struct compile_options {        /* borrowed during compile_create; strings may be NULL: not said */
    const char *const *sources; /* absolute paths, NULL behind */
    const char *dir;            /* absolute: where compilers run, and relative options start */
    const char *target;         /* where it goes; objects and what is known of them lie beside it */
    const char *include_dir;    /* of hotrun/hotrun.h; NULL: the compiler finds it */
    const char *cc, *cflags, *libs, *pkg_config, *linker;
    const char *const *env;
    uint64_t timeout_ns; /* for each program that is run */
    unsigned columns;
    bool plain;
};

struct compile *compile_create(uv_loop_t *loop, const struct compile_options *options,
                               struct error *err);

/* Reads what the sources say of themselves, and begins. At the end the library is whole, renamed to
 * its place; or nothing of it has changed (compile_has_made). `callbacks` as command.h has them:
 * `process` and `output` of all that is run, `ended` once, from the loop, with the first failure. A
 * package that is missing is such a failure, after words about it. False with `err` when nothing
 * was begun: a source or a compiler is missing (ERROR_MISSING), or options that cannot be meant. */
bool compile_start(struct compile *compile, const struct command_callbacks *callbacks,
                   struct error *err);
void compile_cancel(struct compile *compile); /* as command_cancel, of all that runs */

/* Whether a build would find nothing to do, as far as that can be told without running a program:
 * false where packages are asked for, or the linker is not known. Not while a build runs. */
bool compile_is_current(struct compile *compile);

/* Whether the last build has put a new library in its place. False: all was up to date already, or
 * it failed. */
bool compile_has_made(const struct compile *compile);

/* The command that compiles, in one line for people: "cc -shared game.c". Lives until the next
 * compile_start or compile_is_current; before the first it is empty. */
const char *compile_line(const struct compile *compile);

/* The files that count, absolute: the sources, those that the last build has read, those that a
 * failed one has missed, wherever they would be looked for, and each place of a compile_flags.txt.
 * They live until the next compile_start. */
const char *const *compile_files(const struct compile *compile, size_t *count);

void compile_destroy(struct compile *compile); /* NULL is allowed */

#endif
