/* The layout of a library's state, for `hotrun check --layout`. */
#ifndef SUPERVISOR_CHECK_LAYOUT_H
#define SUPERVISOR_CHECK_LAYOUT_H

#include "config/config.h"
#include "supervisor/orphans.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <uv.h>

/* Reads it from `copy`, which was made of `origin`, and runs the loop meanwhile. Adds `layout` to
 * `found`: C text, or with `json` an object; or `layout_reason`, why there is none. */
void check_layout_add(uv_loop_t *loop, struct orphans *orphans, const struct config *config,
                      const char *copy, const char *origin, bool json, cJSON *found);

#endif
