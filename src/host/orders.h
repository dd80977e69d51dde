/* What the supervisor says to the host. */
#ifndef HOST_ORDERS_H
#define HOST_ORDERS_H

#include <stdint.h>

struct host;

/* Reads and handles what has come, up to the first that runs the module's code; what is behind that
 * one waits for the next call, which the status page's command word asks for. Ends the process when
 * the supervisor is gone. */
void orders_receive(struct host *host);

/* At the end of a run, since `since_ns` (clock_ns): waits for the layout of the code that runs, if
 * it is still being read and its state means nothing elsewhere without. What else comes meanwhile
 * is too late. */
void orders_await_layout(struct host *host, uint64_t since_ns);

#endif
