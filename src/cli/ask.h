/* One call to the running hotrun, and what a command prints of the answer. Each returns the
 * command's exit status; with `err` filled when it is not 0. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "base/error.h"
#include "cli/options.h"

#include <cjson/cJSON.h>

#define STATUS_USAGE  2
#define STATUS_FAILED 125

/* Calls a method and prints what it answers: its JSON, or lines made of it by `print` (NULL: none).
 * Takes `params` over. `limit_ns` 0: waits for ever. */
int ask_print(const struct options *options, const char *method, cJSON *params, uint64_t limit_ns,
              void (*print)(const cJSON *), struct error *err);

/* For parameters that could not be made. */
int ask_no_memory(cJSON *params, struct error *err);

#endif
