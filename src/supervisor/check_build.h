/* `hotrun check` of sources: compiles them into a folder that goes away again. */
#ifndef SUPERVISOR_CHECK_BUILD_H
#define SUPERVISOR_CHECK_BUILD_H

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "supervisor/orphans.h"

#include <stdbool.h>
#include <uv.h>

struct check_build;

/* Begins to compile build.sources into `library`. What the compilers say goes to the log. NULL with
 * `err`: it could not be begun, and why. */
struct check_build *check_build_start(uv_loop_t *loop, const struct config *config, struct log *log,
                                      struct orphans *orphans, const char *library,
                                      struct error *err);

void check_build_cancel(struct check_build *build);

/* Turns the loop until it has ended. False with `err`: how it failed. */
bool check_build_finish(struct check_build *build, struct error *err);

void check_build_destroy(struct check_build *build); /* NULL is allowed */

#endif
