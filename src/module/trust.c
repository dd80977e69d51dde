#define _GNU_SOURCE
#include "module/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MOST 40 /* the kernel's own limit */

static bool is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

static bool check_folder(const char *dir, struct error *err)
{
    struct stat st;
    dir = dir[0] == '\0' ? "/" : dir;
    if (stat(dir, &st) != 0) {
        return error_errno(err, "cannot stat %s", dir);
    }
    if (!is_ours(&st)) {
        return error_set(err, ERROR_REFUSED,
                         "the folder %s belongs to user %u, who could exchange the library: move "
                         "it, or set module.allow_writable = true",
                         dir, (unsigned)st.st_uid);
    }
    if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0) {
        return error_set(err, ERROR_REFUSED,
                         "every user may write into %s (mode %04o) and exchange the library: "
                         "`chmod o-w` it, or set module.allow_writable = true",
                         dir, (unsigned)st.st_mode & 07777);
    }
    return true;
}

static bool check_file(const char *path, const struct stat *st, struct error *err)
{
    if (!is_ours(st)) {
        return error_set(err, ERROR_REFUSED,
                         "%s belongs to user %u, and neither to the user that runs hotrun (%u) nor "
                         "to root: `chown` it, or set module.allow_writable = true",
                         path, (unsigned)st->st_uid, (unsigned)geteuid());
    }
    if ((st->st_mode & S_IWOTH) != 0) {
        return error_set(err, ERROR_REFUSED,
                         "every user may write %s (mode %04o): `chmod o-w` it, or set "
                         "module.allow_writable = true",
                         path, (unsigned)st->st_mode & 07777);
    }
    return true;
}

/* A walk along a path, in which no link is left in what lies behind. */
struct walk {
    char path[PATH_MAX];
    size_t done; /* so much of it is looked at: up to a slash */
    unsigned links;
};

/* Puts what the link at path[0..end) leads to in its place. */
static bool follow(struct walk *walk, size_t end, struct error *err)
{
    char target[PATH_MAX];
    char longer[PATH_MAX];
    char rest[PATH_MAX];
    (void)snprintf(rest, sizeof rest, "%s", walk->path + end);
    walk->path[end] = '\0';
    ssize_t len = readlink(walk->path, target, sizeof target - 1);
    if (len < 0) {
        return error_errno(err, "cannot follow %s", walk->path);
    }
    target[len] = '\0';
    walk->path[walk->done] = '\0';
    if (!check_folder(walk->path, err)) {
        return false;
    }
    bool absolute = target[0] == '/';
    int written = snprintf(longer, sizeof longer, "%s%s%s%s", absolute ? "" : walk->path,
                           absolute ? "" : "/", target, rest);
    if (++walk->links > LINKS_MOST || written >= (int)sizeof longer) {
        return error_set(err, ERROR_LIMIT, "%s leads through too many links", walk->path);
    }
    memcpy(walk->path, longer, (size_t)written + 1);
    walk->done = absolute ? 0 : walk->done;
    return true;
}

bool trust_check(const char *path, const struct stat *source, struct error *err)
{
    struct walk walk = {.done = 0};
    struct stat st;
    if (snprintf(walk.path, sizeof walk.path, "%s", path) >= (int)sizeof walk.path) {
        return error_set(err, ERROR_LIMIT, "the path of the library is too long");
    }
    for (;;) {
        size_t start = walk.done + strspn(walk.path + walk.done, "/");
        size_t end = start + strcspn(walk.path + start, "/");
        bool last = walk.path[end] == '\0';
        walk.path[end] = '\0';
        if (lstat(walk.path, &st) != 0) {
            return errno == ENOENT || errno == ENOTDIR
                       ? error_set(err, ERROR_MISSING, "%s has gone", walk.path)
                       : error_errno(err, "cannot stat %s", walk.path);
        }
        if (!last) {
            walk.path[end] = '/';
        }
        if (S_ISLNK(st.st_mode)) {
            if (!follow(&walk, end, err)) {
                return false;
            }
        } else if (last) {
            break;
        } else {
            walk.done = end;
        }
    }
    if (!check_file(walk.path, source, err)) {
        return false;
    }
    walk.path[walk.done] = '\0';
    return check_folder(walk.path, err);
}
