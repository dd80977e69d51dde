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
    const char *library;        /* where it goes; objects and lists of files lie beside it */
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
 * its place, and the depfiles are read; or nothing of it has changed. `callbacks` as command.h has
 * them: `output` of all that is run, `ended` once, with the first failure. False with `err` when
 * nothing was begun: a source, a compiler or a package is missing, options that cannot be split. */
bool compile_start(struct compile *compile, const struct command_callbacks *callbacks,
                   struct error *err);
void compile_cancel(struct compile *compile); /* as command_cancel, of all that runs */

/* The command that compiles, in one line for people: "cc -shared game.c". */
const char *compile_line(const struct compile *compile);

/* The files that the last build has read, absolute, and those that are said in compile_flags.txt's
 * place; the sources themselves before the first. They live until the next compile_start. */
const char *const *compile_files(const struct compile *compile, size_t *count);

void compile_destroy(struct compile *compile); /* NULL is allowed */

#endif
