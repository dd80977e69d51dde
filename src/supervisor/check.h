/* `hotrun check`: everything that a load would find, in a throw-away host, without a step. */
#ifndef SUPERVISOR_CHECK_H
#define SUPERVISOR_CHECK_H

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"

#include <stdbool.h>

struct check_wanted {
    bool json;   /* one JSON object, else text */
    bool layout; /* only what lies where in its state, by its debug info: C, or an object */
};

/* Loads config->module_path, or what build.sources compile to, and prints what was found to stdout.
 * Returns 0, or 126 when the library can't be used or its layout is not known; 125 with `err` when
 * hotrun itself failed. */
int check_library(const struct config *config, const struct check_wanted *wanted, struct log *log,
                  struct error *err);

#endif
