/* What was most likely meant by a word that is neither command, library nor option. */
#ifndef CLI_MISTAKES_H
#define CLI_MISTAKES_H

#include "base/error.h"
#include "cli/options.h"

#include <stdbool.h>

/* True when `word` can be a library. `first`: no command was named, so that it may be a mistyped
 * one. */
bool mistake_library(const char *word, bool first, struct error *err);

/* Tells of the option `word`, which `command` has not got. Returns false. */
bool mistake_option(const char *word, enum command command, struct error *err);

#endif
