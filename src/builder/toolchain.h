/* Which compiler a source gets, and what kind it is. */
#ifndef BUILDER_TOOLCHAIN_H
#define BUILDER_TOOLCHAIN_H

#include "base/error.h"
#include "builder/flags.h"

#include <stdbool.h>
#include <stdint.h>

enum language {
    LANGUAGE_C,
    LANGUAGE_CXX
};

/* By the ending: .c is C, and the others that hotrun compiles are C++. */
enum language language_of(const char *path);

struct toolchain {      /* zeroed: none */
    struct flags words; /* what the command begins with: "ccache gcc" */
    bool is_tcc;        /* links by itself, knows few options, writes its list of files otherwise */
    bool is_gnu;        /* gcc or g++, and not another one that understands their options */
    bool is_clang;
    bool is_launched;  /* by a cache of objects, which is to see compiling and linking apart */
    uint64_t identity; /* another one when another program has its name */
};

/* `cc`: what the user says, words as a shell has them; of a compiler that goes by two names, gcc
 * and g++, the one for `language` is taken. NULL: CC and CXX of `env` ("NAME=value" each, over this
 * process's environment; NULL: none), then cc and c++. ERROR_MISSING: it is not in PATH. */
bool toolchain_choose(struct toolchain *toolchain, const char *cc, enum language language,
                      const char *const *env, struct error *err);

void toolchain_finish(struct toolchain *toolchain);

/* The value of a variable in `env`, else in this process's environment; NULL: not set, or empty. */
const char *toolchain_variable(const char *const *env, const char *name);

/* Where the program `name` is: a path as it stands, a name in PATH. Caller frees; NULL: nowhere. */
char *toolchain_program(const char *const *env, const char *name);

#endif
