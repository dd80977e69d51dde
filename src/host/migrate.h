/* The module's extension "migrate/1", which converts what names can't say. */
#ifndef HOST_MIGRATE_H
#define HOST_MIGRATE_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct generation;

/* Whether the module has it. Asks the module for it, once. */
bool migrate_is_there(struct generation *generation);

/* Lets the module change its state, which `after` shows as it is; `before` is what it was made of,
 * by code of that state_version. */
bool migrate_run(struct generation *generation, const struct text *before, const struct text *after,
                 uint32_t from_version, struct error *err);

#endif
