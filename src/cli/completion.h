/* What a shell completes behind `hotrun`: a script that is made of the rows of commands and
 * options. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>

/* Appends the script for "bash", "zsh" or "fish". False: another shell (ERROR_USAGE), no memory. */
bool completion_write(struct text *out, const char *shell, struct error *err);

#endif
