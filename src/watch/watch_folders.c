#include "watch/watch_folders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define ATTEMPTS 8

int folders_open(struct folders *folders)
{
    *folders = (struct folders){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    return folders->fd < 0 ? errno : 0;
}

static int remember(struct folders *folders, int wd)
{
    for (size_t i = 0; i < folders->wd_count; i++) {
        if (folders->wds[i] == wd) {
            return 0;
        }
    }
    int *grown = realloc(folders->wds, (folders->wd_count + 1) * sizeof *grown);
    if (grown == NULL) {
        (void)inotify_rm_watch(folders->fd, wd);
        return ENOMEM;
    }
    folders->wds = grown;
    folders->wds[folders->wd_count++] = wd;
    return 0;
}

static int watch_hop(struct folders *folders, struct route *route, size_t index)
{
    struct route_hop *hop = &route->hops[index];
    for (size_t i = 0; i < index; i++) {
        if (strcmp(route->hops[i].dir, hop->dir) == 0) {
            hop->wd = route->hops[i].wd;
            return 0;
        }
    }
    uint32_t events = route_mask(route, index);
    uint32_t mask = events | IN_ONLYDIR | IN_DONT_FOLLOW;
    int wd = inotify_add_watch(folders->fd, hop->dir, mask);
    if (wd < 0) {
        /* A folder that is only passed may be closed to readers, as /home often is. Its being moved
         * is then left to the poll. */
        return errno == EACCES && (events & IN_CREATE) == 0 ? 0 : errno;
    }
    for (size_t i = 0; i < index; i++) {
        if (route->hops[i].wd == wd) { /* one folder at two places: a bind mount */
            (void)inotify_add_watch(folders->fd, hop->dir,
                                    mask | route_mask(route, i) | IN_MASK_ADD);
        }
    }
    hop->wd = wd;
    return remember(folders, wd);
}

static int watch_hops(struct folders *folders, struct route *route)
{
    int failed = 0;
    for (size_t i = 0; i < route->count; i++) {
        int error = watch_hop(folders, route, i);
        failed = failed == 0 ? error : failed;
    }
    return failed;
}

static bool on_route(const struct route *route, int wd)
{
    for (size_t i = 0; i < route->count; i++) {
        if (route->hops[i].wd == wd) {
            return true;
        }
    }
    return false;
}

static void drop_others(struct folders *folders)
{
    size_t kept = 0;
    for (size_t i = 0; i < folders->wd_count; i++) {
        if (on_route(&folders->route, folders->wds[i])) {
            folders->wds[kept++] = folders->wds[i];
        } else {
            /* Fails when the folder is gone, and its watch with it. */
            (void)inotify_rm_watch(folders->fd, folders->wds[i]);
        }
    }
    folders->wd_count = kept;
}

int folders_arm(struct folders *folders, const char *path)
{
    if (folders->fd < 0) {
        return EBADF;
    }
    struct route route, again;
    if (!route_resolve(&route, path)) {
        return ENOMEM;
    }
    int error = watch_hops(folders, &route);
    bool steady = false;
    for (int i = 0; i < ATTEMPTS && !steady; i++) {
        if (!route_resolve(&again, path)) {
            error = ENOMEM;
            break;
        }
        bool vanished = error == ENOENT || error == ENOTDIR; /* between the walk and the watch */
        steady = !vanished && route_equal(&route, &again);
        if (steady) {
            route_finish(&again);
        } else {
            route_finish(&route);
            route = again;
            error = watch_hops(folders, &route);
        }
    }
    route_finish(&folders->route);
    folders->route = route;
    drop_others(folders);
    if (error == 0 && route.blocked) {
        error = EACCES;
    }
    return error == 0 && !steady ? EAGAIN : error;
}

void folders_close(struct folders *folders)
{
    if (folders->fd >= 0) {
        (void)close(folders->fd);
    }
    free(folders->wds);
    route_finish(&folders->route);
    *folders = (struct folders){.fd = -1};
}
