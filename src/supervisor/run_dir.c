#define _GNU_SOURCE /* F_OFD_SETLK */
#include "supervisor/run_dir.h"

#include "base/file.h"
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER_FLAGS  (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define IGNORE_ALL    "*\n"
#define LOCK_ATTEMPTS 100
#define LOCK_PAUSE_NS 5000000L

/* ---- folders ---- */

static bool is_empty(int fd)
{
    int copy = openat(fd, ".", FOLDER_FLAGS);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (folder == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return false;
    }
    bool empty = true;
    for (const struct dirent *entry; empty && (entry = readdir(folder)) != NULL;) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    (void)closedir(folder);
    return empty;
}

/* The .gitignore that hides a run directory from git is also how one is recognised. */
static bool is_marked(int fd)
{
    char bytes[sizeof IGNORE_ALL] = "";
    int file = openat(fd, ".gitignore", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = file < 0 ? -1 : read(file, bytes, sizeof bytes);
    if (file >= 0) {
        (void)close(file);
    }
    return len == sizeof IGNORE_ALL - 1 && memcmp(bytes, IGNORE_ALL, (size_t)len) == 0;
}

/* Never replaced, so that two that start at once do not disturb each other. */
static bool mark(int fd, const char *path, struct error *err)
{
    int file = openat(fd, ".gitignore", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        return errno == EEXIST || error_errno(err, "cannot create %s/.gitignore", path);
    }
    bool ok = file_write_all(file, IGNORE_ALL, strlen(IGNORE_ALL)) ||
              error_errno(err, "cannot write %s/.gitignore", path);
    (void)close(file);
    return ok;
}

/* Holds what an existing folder is against what a private one must be, and closes it to readers
 * where that harms nobody. */
static bool make_private(int fd, const char *path, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return error_errno(err, "cannot stat %s", path);
    }
    if (st.st_uid != geteuid()) {
        return error_set(err, ERROR_REFUSED,
                         "%s belongs to user %u, and a run directory must belong to the user that "
                         "runs hotrun (%u): choose another with --run-dir",
                         path, (unsigned)st.st_uid, (unsigned)geteuid());
    }
    if ((st.st_mode & 0022) != 0) {
        return error_set(err, ERROR_REFUSED,
                         "others may write into %s (mode %04o), so its files cannot be trusted: "
                         "look through it, then remove it or `chmod 700` it",
                         path, (unsigned)st.st_mode & 07777);
    }
    bool empty = is_empty(fd), marked = is_marked(fd);
    if ((st.st_mode & 0777) != 0700) {
        if (!empty && !marked) {
            return error_set(err, ERROR_REFUSED,
                             "%s holds files that are not hotrun's and has mode %04o; a run "
                             "directory is hotrun's own and private: name a new folder, or "
                             "`chmod 700` this one",
                             path, (unsigned)st.st_mode & 07777);
        }
        if (fchmod(fd, 0700) != 0) {
            return error_errno(err, "cannot make %s private (mode 0700)", path);
        }
    }
    return !empty || mark(fd, path, err);
}

/* Opens the folder `name` in `parent`, created if it is missing, checked to be private. `path` is
 * for messages. Returns -1 with `err`. */
static int open_private(int parent, const char *name, const char *path, struct error *err)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST) {
        error_errno(err, "cannot create %s", path);
        return -1;
    }
    int fd = openat(parent, name, FOLDER_FLAGS | O_NOFOLLOW);
    if (fd < 0) {
        int error = errno;
        struct stat st;
        if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)) {
            error_set(err, ERROR_REFUSED,
                      "%s is %s, and a run directory must be a folder: remove it, or choose "
                      "another with --run-dir",
                      path, S_ISLNK(st.st_mode) ? "a symbolic link" : "not a folder");
        } else {
            errno = error;
            error_errno(err, "cannot open %s", path);
        }
        return -1;
    }
    if (!make_private(fd, path, err)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* The folder around the run directory. One that is missing, or is called .hotrun, is a run
 * directory itself: that of the runs without a name. */
static int open_parent(const char *path, struct error *err)
{
    char *dir = path_dir(path);
    char *above = dir == NULL ? NULL : path_dir(dir);
    int fd = -1;
    if (above == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for %s", path);
        goto out;
    }
    bool own = strcmp(path_base(dir), ".hotrun") == 0;
    fd = own ? -1 : open(dir, FOLDER_FLAGS);
    if (fd < 0 && (own || errno == ENOENT)) {
        int above_fd = open(above, FOLDER_FLAGS);
        if (above_fd < 0) {
            error_errno(err, "cannot open %s, where %s is to be", above, path);
            goto out;
        }
        fd = open_private(above_fd, path_base(dir), dir, err);
        (void)close(above_fd);
    } else if (fd < 0) {
        error_errno(err, "cannot open %s", dir);
    }
out:
    free(dir);
    free(above);
    return fd;
}

/* Absolute, without a slash at its end. */
static char *clean_path(const char *path)
{
    char *clean = path_absolute(path);
    size_t len = clean == NULL ? 0 : strlen(clean);
    while (len > 1 && clean[len - 1] == '/') {
        clean[--len] = '\0';
    }
    return clean;
}

/* ---- lock ---- */

static bool set_lock(int fd)
{
    /* A lock of the open file, so that asking who holds it (F_OFD_GETLK) never takes it. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool is_locked(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* 0: none is written yet. */
static pid_t read_pid(int fd)
{
    char bytes[32] = "";
    ssize_t len = pread(fd, bytes, sizeof bytes - 1, 0);
    char *end = bytes;
    long pid = len <= 0 ? 0 : strtol(bytes, &end, 10);
    return *end == '\n' && pid > 0 && pid <= 0x7fffffff ? (pid_t)pid : 0;
}

/* The pid of whoever holds the lock; it is written a moment after the lock is taken. */
static pid_t locked_by(int fd)
{
    pid_t pid = 0;
    for (int i = 0; i < LOCK_ATTEMPTS && pid == 0 && is_locked(fd); i++) {
        pid = read_pid(fd);
        if (pid == 0) {
            (void)sched_yield();
        }
    }
    return pid != 0 && is_locked(fd) ? pid : 0;
}

static bool write_pid(int fd, const char *path, struct error *err)
{
    char line[32];
    int len = snprintf(line, sizeof line, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || !file_write_all(fd, line, (size_t)len)) {
        return error_errno(err, "cannot write %s/lock", path);
    }
    return true;
}

/* True when the name `lock` still leads to the file that is open as `fd`: who ends removes it. */
static bool is_current(int dir_fd, int fd)
{
    struct stat open_one, named;
    return fstat(fd, &open_one) == 0 && fstatat(dir_fd, "lock", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

static bool take_lock(struct run_dir *dir, struct error *err)
{
    for (int i = 0; i < LOCK_ATTEMPTS; i++) {
        int fd =
            openat(dir->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0) {
            return error_errno(err, "cannot open %s/lock", dir->path);
        }
        if (set_lock(fd)) {
            if (is_current(dir->fd, fd)) {
                dir->lock_fd = fd;
                return write_pid(fd, dir->path, err);
            }
        } else if (errno != EAGAIN && errno != EACCES) {
            error_errno(err, "cannot lock %s/lock", dir->path);
            (void)close(fd);
            return false;
        } else {
            pid_t pid = locked_by(fd);
            if (pid != 0 && kill(pid, 0) != 0 && errno == ESRCH) {
                /* It was killed: a child of it that has not come to its exec has the lock still. */
                struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
                (void)nanosleep(&pause, NULL);
            } else if (pid != 0) {
                (void)close(fd);
                return error_set(err, ERROR_BUSY,
                                 "hotrun runs here already: process %ld holds %s; end it with "
                                 "`hotrun quit`, or give this one a --name of its own",
                                 (long)pid, dir->path);
            }
        }
        (void)close(fd);
    }
    return error_set(err, ERROR_BUSY, "another hotrun is starting or ending in %s: try again",
                     dir->path);
}

/* ---- what others left ---- */

/* Removes the files whose names begin with `prefix`. */
static void sweep(int fd, const char *prefix)
{
    int copy = openat(fd, ".", FOLDER_FLAGS);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (folder == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            (void)unlinkat(fd, entry->d_name, 0); /* refuses folders, "." and ".." among them */
        }
    }
    (void)closedir(folder);
}

/* ---- stage ---- */

static bool open_own_stage(struct run_dir *dir, struct error *err)
{
    dir->stage_path = path_join(dir->path, "stage");
    if (dir->stage_path == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for %s/stage", dir->path);
    }
    if (mkdirat(dir->fd, "stage", 0700) != 0 && errno != EEXIST) {
        return error_errno(err, "cannot create %s", dir->stage_path);
    }
    dir->stage_fd = openat(dir->fd, "stage", FOLDER_FLAGS | O_NOFOLLOW);
    if (dir->stage_fd < 0) {
        return error_errno(err, "cannot open %s: expected a folder; remove what is there",
                           dir->stage_path);
    }
    sweep(dir->stage_fd, "");
    return true;
}

static bool open_foreign_stage(struct run_dir *dir, const char *path, struct error *err)
{
    dir->stage_path = clean_path(path);
    if (dir->stage_path == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for %s", path);
    }
    if (mkdir(dir->stage_path, 0700) != 0 && errno != EEXIST) {
        return error_errno(err, "cannot create stage.dir %s", dir->stage_path);
    }
    dir->stage_fd = open(dir->stage_path, FOLDER_FLAGS);
    struct stat st;
    if (dir->stage_fd < 0 || fstat(dir->stage_fd, &st) != 0) {
        return error_errno(err, "cannot open stage.dir %s", dir->stage_path);
    }
    /* Who owns a folder, or may write into one that is not sticky, can exchange what lies in it. */
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        return error_set(err, ERROR_REFUSED,
                         "stage.dir %s belongs to user %u, who could exchange the copies in it: "
                         "choose a folder of your own",
                         dir->stage_path, (unsigned)st.st_uid);
    }
    if ((st.st_mode & 0022) != 0 && (st.st_mode & S_ISVTX) == 0) {
        return error_set(err, ERROR_REFUSED,
                         "others may write into stage.dir %s (mode %04o) and exchange the copies "
                         "in it: `chmod go-w` it, or choose another folder",
                         dir->stage_path, (unsigned)st.st_mode & 07777);
    }
    return true;
}

/* ---- contract ---- */

bool run_dir_open(struct run_dir *dir, const char *path, const char *stage_dir, struct error *err)
{
    *dir = (struct run_dir){.path = clean_path(path), .fd = -1, .lock_fd = -1, .stage_fd = -1};
    if (dir->path == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for %s", path);
    }
    int parent = open_parent(dir->path, err);
    if (parent >= 0) {
        dir->fd = open_private(parent, path_base(dir->path), dir->path, err);
        (void)close(parent);
    }
    if (dir->fd >= 0 && take_lock(dir, err) &&
        (stage_dir == NULL ? open_own_stage(dir, err) : open_foreign_stage(dir, stage_dir, err))) {
        sweep(dir->fd, RUN_DIR_PATCH);
        return true;
    }
    run_dir_close(dir);
    return false;
}

void run_dir_close(struct run_dir *dir)
{
    if (dir->lock_fd >= 0) {
        sweep(dir->fd, RUN_DIR_PATCH);
        (void)unlinkat(dir->fd, "control.sock", 0);
        (void)unlinkat(dir->fd, "stage", AT_REMOVEDIR);
        (void)unlinkat(dir->fd, "lock", 0);
    }
    int fds[] = {dir->stage_fd, dir->lock_fd, dir->fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    free(dir->path);
    free(dir->stage_path);
    *dir = (struct run_dir){.fd = -1, .lock_fd = -1, .stage_fd = -1};
}

pid_t run_dir_holder(const char *path)
{
    char *lock = path_join(path, "lock");
    int fd = lock == NULL ? -1 : open(lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    free(lock);
    if (fd < 0) {
        return 0;
    }
    pid_t pid = locked_by(fd);
    (void)close(fd);
    return pid;
}
