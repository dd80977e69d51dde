/* The orderly end: STOPPING, the last serialize, fini, and the intent in the status page. */
#ifndef HOST_STOP_H
#define HOST_STOP_H

struct host;

/* Does all of it, with host->end and host->exit_status; the loop ends then. */
void stop_run(struct host *host);

#endif
