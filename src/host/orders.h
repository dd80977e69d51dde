/* What the supervisor says to the host. */
#ifndef HOST_ORDERS_H
#define HOST_ORDERS_H

struct host;

/* Reads and handles all that has come. Ends the process when the supervisor is gone. */
void orders_receive(struct host *host);

#endif
