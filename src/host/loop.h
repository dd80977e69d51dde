/* The main loop: steps the module at its pace and lets libuv serve everything else between two
 * steps. */
#ifndef HOST_LOOP_H
#define HOST_LOOP_H

struct host;

/* Runs until host->done. */
void loop_run(struct host *host);

/* SIGCONT has come: time that passed while the process was stopped does not count.
 * Async-signal-safe. */
void loop_continued(void);

#endif
