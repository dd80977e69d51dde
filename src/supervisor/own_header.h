/* What a build finds of hotrun itself: hotrun/hotrun.h, by its folder or by pkg-config. Also where
 * hotrun runs from its build tree, or from a prefix that pkg-config does not know. */
#ifndef SUPERVISOR_OWN_HEADER_H
#define SUPERVISOR_OWN_HEADER_H

#include "base/error.h"

#include <stdbool.h>

/* The folder that hotrun/hotrun.h lies in. Caller frees. NULL: it is not found. */
char *own_header_dir(void);

/* The variables `env` ("NAME=value", NULL behind) and PKG_CONFIG_PATH, behind whose folders
 * hotrun's own stands; where there is no `color`, NO_COLOR. Caller frees by
 * own_header_free_environment. NULL with `err`: no memory. */
char **own_header_environment(const char *const *env, bool color, struct error *err);
void own_header_free_environment(char **env); /* NULL is allowed */

#endif
