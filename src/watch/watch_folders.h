/* inotify on every folder of a route. */
#ifndef WATCH_WATCH_FOLDERS_H
#define WATCH_WATCH_FOLDERS_H

#include "watch/watch_route.h"

struct folders {
    int fd;             /* inotify, non-blocking; -1: could not be had */
    struct route route; /* each hop's wd is that of its folder, or -1 */
    int *wds;           /* every watch that exists; while arming, those of earlier routes too */
    size_t wd_count;
};

/* Returns 0 or an errno; folders_close is allowed after both. */
int folders_open(struct folders *folders);

/* Watches the way to `path` as it is, and drops what is no longer on it. The way is walked again
 * after the watches are set, until it is the same twice: what changes later has an event. Returns
 * 0, or the errno that left a part of the way unwatched; EAGAIN: it never stood still. */
int folders_arm(struct folders *folders, const char *path);

void folders_close(struct folders *folders);

#endif
