/* A run that goes on from a snapshot on disk: at its start, or while it runs. A file is read and
 * checked whole before anything is touched. [supervisor's loop thread] */
#ifndef SUPERVISOR_RESUME_H
#define SUPERVISOR_RESUME_H

#include "base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct control_call;
struct supervisor;

/* run.restore: what the first host starts from. Nothing to do without it. False: the file cannot be
 * used, and nothing has been started. A file whose checksum was removed by hand is taken. */
bool resume_file(struct supervisor *sup, struct error *err);

/* run.resume: the newest whole snapshot of the store; those that are passed over are told, and why.
 * None: told, and the run starts fresh. False: no memory. */
bool resume_newest(struct supervisor *sup, struct error *err);

/* Code has died. What it went on from is set aside for it in a later run, should it die of it
 * again. */
void resume_died(struct supervisor *sup);

/* Goes on with the file `path` (absolute), which is read on a worker thread; `id`: its number in
 * the store, 0 if it is not of the store. The call is answered with the outcome. */
void resume_with(struct supervisor *sup, const char *path, uint64_t id, struct control_call *call);

/* Calls are answered no more. The reading ends with the loop. */
void resume_finish(struct supervisor *sup);

/* The control method `restore`. */
void resume_command(struct supervisor *sup, const cJSON *params, struct control_call *call);

#endif
