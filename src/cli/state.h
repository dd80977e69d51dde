/* hotrun state get, set, remove, merge, diff, layout. */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include "base/error.h"
#include "base/log.h"
#include "cli/options.h"

int state_command(const struct options *options, struct log *log, struct error *err);

/* Its `diff A B`: 0 they are the same, 1 they differ. */
int state_diff(const struct options *options, struct error *err);

#endif
