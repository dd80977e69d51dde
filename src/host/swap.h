/* Loading code and handing the state over to it, as one transaction between two steps: either the
 * new generation owns the loop, or the old one goes on with a state that nobody has touched. */
#ifndef HOST_SWAP_H
#define HOST_SWAP_H

struct host;
struct message_load;

/* Remembers a LOAD; swap_attempt does it. */
void swap_prepare(struct host *host, const struct message_load *load);

/* Does what is prepared: a swap, or a start with a fresh or a restored state. Called between two
 * steps. A module that defers leaves it prepared. */
void swap_attempt(struct host *host);

/* A prepared swap that is not wanted any more. */
void swap_cancel(struct host *host);

/* The older generation is not needed any more: fini, unload, CLOSED. Nothing when there is none. */
void swap_retire_older(struct host *host);

void swap_forget(struct host *host); /* frees what is prepared */

#endif
