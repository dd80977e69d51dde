/* The way to a file, hop by hop: the folders that must be watched so that nothing which changes
 * where the path leads goes unseen. Looks at the disk, watches nothing itself. */
#ifndef WATCH_WATCH_ROUTE_H
#define WATCH_WATCH_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum route_role {
    ROUTE_FOLDER, /* `dir` is passed: matters when it is itself moved or removed */
    ROUTE_LINK,   /* `name` in `dir` is a symbolic link that is followed */
    ROUTE_GAP,    /* `name` in `dir` is missing, or no folder: the way ends there for now */
    ROUTE_FILE    /* `name` in `dir` is the file itself, there or not */
};

struct route_hop {
    char *dir;  /* absolute, without links and dots: one folder has one spelling */
    char *name; /* NULL for ROUTE_FOLDER */
    enum route_role role;
    dev_t dev; /* of the folder or the link; 0 for the others */
    ino_t ino;
    int wd; /* for the watcher's use; -1 */
};

struct route {
    struct route_hop *hops; /* in the order of the way */
    size_t count;
    char *file;   /* where the way ends, links resolved; NULL: it ends in a gap */
    bool blocked; /* a folder on the way may not be searched: what lies behind is not known */
};

/* Walks the absolute `path`. False: no memory; `route` is then empty. */
bool route_resolve(struct route *route, const char *path);

/* True when both ways lead through the same folders and links. */
bool route_equal(const struct route *a, const struct route *b);

/* The inotify events to ask for on the folder of hop `index`, over all hops in that folder. */
uint32_t route_mask(const struct route *route, size_t index);

void route_finish(struct route *route);

#endif
