/* The main loop: steps the module at its pace and lets libuv serve everything else between two
 * steps. */
#ifndef HOST_LOOP_H
#define HOST_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct host;

/* Runs until host->done. */
void loop_run(struct host *host);

/* No step is made from here on, or steps are made again; the time between does not count. */
void loop_pause(struct host *host, bool on);

/* So many steps are to be made while paused. Answered by STEPS when they are. */
void loop_grant(struct host *host, uint64_t count);

/* SIGCONT has come: time that passed while the process was stopped does not count.
 * Async-signal-safe. */
void loop_continued(void);

#endif
