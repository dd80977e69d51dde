#define _GNU_SOURCE /* asprintf */
#include "watch/watch_route.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* the kernel's own limit: behind it the path is ELOOP for everybody */

struct walk {
    struct route *route;
    char *here; /* the folder reached; "" is the root */
    char *rest; /* what is left to walk */
    unsigned links;
    bool done, failed; /* failed: no memory */
};

static void add_hop(struct walk *walk, const char *name, enum route_role role,
                    const struct stat *st)
{
    struct route *route = walk->route;
    struct route_hop *grown = realloc(route->hops, (route->count + 1) * sizeof *grown);
    if (grown == NULL) {
        walk->failed = true;
        return;
    }
    route->hops = grown;
    struct route_hop *hop = &grown[route->count++];
    *hop = (struct route_hop){.role = role, .wd = -1};
    if (st != NULL) {
        hop->dev = st->st_dev;
        hop->ino = st->st_ino;
    }
    hop->dir = strdup(walk->here[0] == '\0' ? "/" : walk->here);
    hop->name = name == NULL ? NULL : strdup(name);
    walk->failed = walk->failed || hop->dir == NULL || (name != NULL && hop->name == NULL);
}

/* Cuts the next component off `rest`. The caller frees it; NULL at the end, or no memory. */
static char *next_name(struct walk *walk)
{
    const char *start = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(start, "/");
    const char *after = start + len;
    after += strspn(after, "/");
    walk->done = len == 0;
    if (walk->done) {
        return NULL;
    }
    char *name = strndup(start, len);
    walk->failed = name == NULL;
    memmove(walk->rest, after, strlen(after) + 1);
    return name;
}

static void follow_link(struct walk *walk, const char *name, const char *full,
                        const struct stat *st)
{
    add_hop(walk, name, ROUTE_LINK, st);
    char target[PATH_MAX];
    ssize_t len = readlink(full, target, sizeof target - 1);
    if (len < 0 || ++walk->links > LINKS_MAX) {
        walk->done = true; /* every link so far is a hop: a change of any is seen */
        return;
    }
    target[len] = '\0';
    char *rest = NULL;
    if (asprintf(&rest, "%s%s%s", target, walk->rest[0] == '\0' ? "" : "/", walk->rest) < 0) {
        walk->failed = true;
        return;
    }
    free(walk->rest);
    walk->rest = rest;
    if (target[0] == '/') {
        walk->here[0] = '\0';
    }
}

static void step(struct walk *walk, const char *name)
{
    if (strcmp(name, ".") == 0) {
        return;
    }
    if (strcmp(name, "..") == 0) {
        char *slash = strrchr(walk->here, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        return;
    }
    char *full = NULL;
    if (asprintf(&full, "%s/%s", walk->here, name) < 0) {
        walk->failed = true;
        return;
    }
    struct stat st;
    bool there = lstat(full, &st) == 0;
    if (!there && errno != ENOENT && errno != ENOTDIR) {
        walk->route->blocked = true;
    }
    if (there && S_ISLNK(st.st_mode)) {
        follow_link(walk, name, full, &st);
    } else if (walk->rest[0] == '\0') {
        add_hop(walk, name, ROUTE_FILE, NULL);
        walk->route->file = full;
        walk->done = true;
        return;
    } else if (there && S_ISDIR(st.st_mode)) {
        free(walk->here);
        walk->here = full;
        add_hop(walk, NULL, ROUTE_FOLDER, &st);
        return;
    } else {
        add_hop(walk, name, ROUTE_GAP, NULL);
        walk->done = true;
    }
    free(full);
}

bool route_resolve(struct route *route, const char *path)
{
    *route = (struct route){0};
    struct walk walk = {.route = route, .here = strdup(""), .rest = strdup(path)};
    walk.failed = walk.here == NULL || walk.rest == NULL;
    while (!walk.done && !walk.failed) {
        char *name = next_name(&walk);
        if (name != NULL) {
            step(&walk, name);
        }
        free(name);
    }
    free(walk.here);
    free(walk.rest);
    if (walk.failed) {
        route_finish(route);
    }
    return !walk.failed;
}

bool route_equal(const struct route *a, const struct route *b)
{
    if (a->count != b->count || a->blocked != b->blocked) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct route_hop *x = &a->hops[i], *y = &b->hops[i];
        if (x->role != y->role || x->dev != y->dev || x->ino != y->ino ||
            strcmp(x->dir, y->dir) != 0 || (x->name == NULL) != (y->name == NULL) ||
            (x->name != NULL && strcmp(x->name, y->name) != 0)) {
            return false;
        }
    }
    return true;
}

uint32_t route_mask(const struct route *route, size_t index)
{
    /* A folder that is only passed costs no wake-up for what happens inside of it. */
    static const uint32_t masks[] = {
        [ROUTE_FOLDER] = IN_MOVE_SELF | IN_DELETE_SELF,
        [ROUTE_LINK] =
            IN_MOVE_SELF | IN_DELETE_SELF | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM,
        [ROUTE_GAP] = IN_MOVE_SELF | IN_DELETE_SELF | IN_CREATE | IN_MOVED_TO,
        [ROUTE_FILE] = IN_MOVE_SELF | IN_DELETE_SELF | IN_CREATE | IN_MOVED_TO | IN_DELETE |
                       IN_MOVED_FROM | IN_CLOSE_WRITE,
    };
    uint32_t mask = 0;
    for (size_t i = 0; i < route->count; i++) {
        if (strcmp(route->hops[i].dir, route->hops[index].dir) == 0) {
            mask |= masks[route->hops[i].role];
        }
    }
    return mask;
}

void route_finish(struct route *route)
{
    for (size_t i = 0; i < route->count; i++) {
        free(route->hops[i].dir);
        free(route->hops[i].name);
    }
    free(route->hops);
    free(route->file);
    *route = (struct route){0};
}
