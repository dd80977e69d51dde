/* What a source says of its own build, in a comment among its first lines:
 *     // hotrun: cflags=-O2 libs="-lm -lSDL2" pkg_config=libpng
 * Words as a shell has them; of cflags and libs the value is split once more. */
#ifndef BUILDER_DIRECTIVE_H
#define BUILDER_DIRECTIVE_H

#include "base/error.h"
#include "builder/flags.h"

#include <stdbool.h>
#include <stddef.h>

#define DIRECTIVE_LINES 64 /* as many are looked at */

struct directive {     /* zeroed: nothing is said */
    char *cc, *linker; /* owned; NULL: not said */
    struct flags cflags, libs, packages;
};

/* Adds what text[0..len) says, the beginning of the source `name`. Of cc and linker the first one
 * counts. False: "name:line: ", what was found and what was expected. */
bool directive_parse(struct directive *directive, const char *text, size_t len, const char *name,
                     struct error *err);

/* The same from a file. ERROR_MISSING: it is not there; ERROR_FORMAT: it is no regular file. */
bool directive_read(struct directive *directive, const char *path, const char *name,
                    struct error *err);

void directive_finish(struct directive *directive);

#endif
