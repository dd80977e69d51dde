/* Where a header that is missing would be looked for. */
#ifndef BUILDER_LOOKUP_H
#define BUILDER_LOOKUP_H

#include "builder/flags.h"

#include <stdbool.h>

/* Adds `read` (absolute paths) to `files`. One that is not there, and lies below `dir` because a
 * compiler that did not find it gave it as the source has it, is added in each place where it would
 * be found: in `folders` (absolute, or below `dir`), and beside each file that was read, but those
 * of the system. False: no memory. */
bool lookup_places(const struct flags *read, const char *dir, const struct flags *folders,
                   struct flags *files);

#endif
