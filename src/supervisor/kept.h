/* The descriptors that the module keeps by name (keep_fd), held here as well, so that they outlive
 * a host: its peers see no end, and the next host gets them before it loads the module. */
#ifndef SUPERVISOR_KEPT_H
#define SUPERVISOR_KEPT_H

#include "base/error.h"
#include "base/log.h"
#include "link/message.h"

#include <stdbool.h>

#define KEPT_MOST 256 /* two processes with the usual 1024 descriptors have room for them */

struct host_process;

struct kept { /* zero-initialised: empty */
    struct kept_descriptor {
        char *name; /* owned, at most KEEP_NAME_MOST bytes */
        int fd;     /* owned, CLOEXEC */
    } * items;      /* in the order in which the names came */
    unsigned count;
    size_t cap;
};

/* Takes `fd` over under `name`, in place of an earlier one, which is closed. False: the name is
 * empty or too long, there are KEPT_MOST names, no memory; fd is closed. */
bool kept_put(struct kept *kept, const char *name, int fd, struct error *err);

/* Closes the descriptor of this name. False: there is none. */
bool kept_drop(struct kept *kept, const char *name);

/* -1: none. Still the list's. */
int kept_find(const struct kept *kept, const char *name);

/* Sends all of them to a host that has loaded no module yet. What cannot be sent is logged. */
void kept_send(const struct kept *kept, struct host_process *host, struct log *log);

void kept_finish(struct kept *kept);

#endif
