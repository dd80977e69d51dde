/* The snapshots of a run directory, whether a hotrun runs there or not. */
#ifndef CLI_STORED_H
#define CLI_STORED_H

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/options.h"

#include <stdbool.h>
#include <stddef.h>

/* hotrun history. */
int stored_history(const struct options *options, struct log *log, struct error *err);

/* Reads the file of the snapshot with this number, at most `limit` bytes. */
bool stored_read(const char *run_dir, const char *number, size_t limit, struct text *bytes,
                 struct error *err);

#endif
