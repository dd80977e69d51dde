/* Descriptors that a service manager hands over at the start (sd_listen_fds' protocol): the sockets
 * of socket activation, and what an earlier hotrun has stored with it. */
#ifndef SUPERVISOR_INHERITED_H
#define SUPERVISOR_INHERITED_H

#include "base/log.h"
#include "supervisor/kept.h"

/* Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of the environment, and the descriptors that
 * they name into `kept`, closed on exec: under their names, those without one as "fd3" and so on. A
 * name that comes again for another thing becomes NAME.2, NAME.3. To be called before anything else
 * is opened. */
void inherited_take(struct kept *kept, struct log *log);

#endif
