/* The program of the hosts. */
#ifndef SUPERVISOR_HOST_PROGRAM_H
#define SUPERVISOR_HOST_PROGRAM_H

#include "base/error.h"

/* Where hotrun-host is: beside this executable, or in the libexec folder. NULL with `err`. Caller
 * frees. */
char *host_program_find(struct error *err);

#endif
