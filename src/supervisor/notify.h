/* What a service manager is told (sd_notify's protocol, spoken without libsystemd): datagrams to
 * the socket that NOTIFY_SOCKET names. Nothing here blocks, and a manager that does not listen is
 * no error. [supervisor's loop thread] */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define NOTIFY_STATUS_MOST 256 /* bytes of a status line */

enum notify_phase {
    NOTIFY_STARTING, /* told by saying nothing */
    NOTIFY_READY,
    NOTIFY_RELOADING,
    NOTIFY_STOPPING
};

struct notify {
    struct log *log;
    int fd; /* -1: there is no manager */
    struct sockaddr_un address;
    socklen_t address_len;
    uint64_t watchdog_ms;    /* a sign of life is wanted within this time; 0: none is */
    enum notify_phase phase; /* that was told last */
    char status[NOTIFY_STATUS_MOST];
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment, so
 * that the module and what it starts do not speak for hotrun. A socket that cannot be used is
 * logged. */
void notify_init(struct notify *notify, struct log *log);
void notify_finish(struct notify *notify);

/* Each of the two says what is new. False: the manager's socket is full; call again in a while. */
bool notify_phase(struct notify *notify, enum notify_phase phase);
bool notify_status(struct notify *notify, const char *line);

/* A sign of life. */
void notify_watchdog(struct notify *notify);

/* A descriptor for the manager to keep and to hand to the next start, or to forget. */
void notify_store(struct notify *notify, const char *name, int fd);
void notify_remove(struct notify *notify, const char *name);

/* A kept name in the characters that the manager takes: others become %XX. False: longer than it
 * takes, or empty. */
bool notify_name(const char *name, char *out, size_t size);

/* The way back, in place. */
void notify_name_back(char *name);

#endif
