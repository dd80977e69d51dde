/* What pkg-config knows of packages: asked once for the same names. */
#ifndef BUILDER_PACKAGES_H
#define BUILDER_PACKAGES_H

#include "base/error.h"
#include "base/text.h"
#include "builder/flags.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packages {        /* zeroed: nothing is known */
    uint64_t key, asked; /* of the question that was answered last (0: none), and that is asked */
    struct flags names, cflags, libs;
    struct text said; /* by the program that runs */
};

/* Makes two commands that ask for the options of `names`. False: nothing is to be asked, because
 * there are no names or the answer is known: cflags and libs have it. */
bool packages_ask(struct packages *packages, const struct flags *names, const char *const *env,
                  struct flags *ask_cflags, struct flags *ask_libs);

/* What the command that runs has written. */
void packages_hear(struct packages *packages, const char *bytes, size_t len);

/* It has succeeded: what it wrote is added to `to`, cflags or libs. With libs all is known. False:
 * these are no options. */
bool packages_take(struct packages *packages, struct flags *to, struct error *err);

/* Why the question failed: `problem` if it could not be asked, else by what was heard. */
void packages_explain(const struct packages *packages, const struct error *problem,
                      struct error *err);

void packages_finish(struct packages *packages);

#endif
