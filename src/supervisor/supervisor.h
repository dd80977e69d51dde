/* The supervisor: watches, stores, decides, and runs no user code. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"

/* Runs the module that `config` names until it ends. Returns the exit status for main; 125 with
 * `err` when hotrun itself cannot go on, 126 when the library can't be used and watching is off. */
int supervisor_run(const struct config *config, struct log *log, struct error *err);

#endif
