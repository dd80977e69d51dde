/* Loading a library for a look at it, in a throw-away host. */
#ifndef HOST_CHECK_H
#define HOST_CHECK_H

struct host;
struct load;

/* Loads, looks, unloads; answers with CHECKED or REJECTED; the loop ends then. No callback of the
 * module is called. */
void check_run(struct host *host, const struct load *load);

#endif
