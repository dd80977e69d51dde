/* The layout of a library's state, for `hotrun check`. */
#ifndef SUPERVISOR_CHECK_LAYOUT_H
#define SUPERVISOR_CHECK_LAYOUT_H

#include "supervisor/orphans.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <uv.h>

struct check_library {
    uv_loop_t *loop; /* runs while debug info is read */
    struct orphans *orphans;
    const char *copy, *origin; /* what is read, and what it was copied from */
    bool statics;              /* variables are state, too */
};

/* Adds `layout` to `found`: C text, or with `json` an object; or `layout_reason`, why there is
 * none. */
void check_layout_add(const struct check_library *library, bool json, cJSON *found);

/* If not, `layout_reason` is added to `found`. */
bool check_layout_is_known(const struct check_library *library, cJSON *found);

#endif
