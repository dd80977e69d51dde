/* The name of a new project's module, which is made of its folder's name. */
#ifndef PROJECT_NAME_H
#define PROJECT_NAME_H

#include "base/error.h"

#include <stdbool.h>

#define PROJECT_NAME_MOST 64 /* bytes */

/* `word` (a folder's own name) as an identifier of C, C++ and Rust: letters and digits of ASCII
 * stay, each run of others is one "_" within and nothing at the ends, a digit in front gets an "_"
 * before it, a word of these languages one behind. ERROR_USAGE when no letter or digit is there, or
 * too many are. */
bool project_name(const char *word, char name[PROJECT_NAME_MOST + 1], struct error *err);

#endif
