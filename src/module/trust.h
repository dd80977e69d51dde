/* Whether another user could exchange or change a library: what such a one may write is not run. */
#ifndef MODULE_TRUST_H
#define MODULE_TRUST_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Looks at the file (`source`: as it was when it was read), at the folder that it lies in and at
 * the folder of each symbolic link on the way of the absolute `path`. Refused (ERROR_REFUSED) is
 * what belongs to a user other than this one and root, what every user may write, and a folder that
 * every user may write unless it is sticky, as /tmp is: there one's own files are safe. Folders
 * further up are not looked at: who exchanges these cannot give the file its owner. `err` says what
 * to do. ERROR_MISSING: it has gone meanwhile. */
bool trust_check(const char *path, const struct stat *source, struct error *err);

#endif
