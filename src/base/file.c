#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t done = write(fd, at, len);
        if (done < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        at += done;
        len -= (size_t)done;
    }
    return true;
}

bool file_read(const char *path, size_t limit, struct text *text, struct error *err)
{
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        error_errno(err, "cannot open %s", path);
        if (missing && err != NULL) {
            err->code = ERROR_MISSING;
        }
        return false;
    }
    bool ok = false;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        error_errno(err, "cannot stat %s", path);
    } else if (!S_ISREG(st.st_mode)) {
        error_set(err, ERROR_FORMAT, "%s is not a regular file", path);
    } else {
        char piece[16384];
        size_t total = 0;
        ssize_t got;
        while ((got = read(fd, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR)) {
            if (got < 0) {
                continue;
            }
            total += (size_t)got;
            if (total > limit) {
                error_set(err, ERROR_LIMIT, "%s is larger than %zu bytes", path, limit);
                goto out;
            }
            if (!text_append(text, piece, (size_t)got)) {
                error_set(err, ERROR_SYSTEM, "no memory for %s", path);
                goto out;
            }
        }
        ok = got == 0 || error_errno(err, "cannot read %s", path);
    }
out:
    close(fd);
    return ok;
}

bool file_read_from_begin(int fd, struct text *text)
{
    char piece[65536];
    off_t at = 0;
    ssize_t got;
    while ((got = pread(fd, piece, sizeof piece, at)) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || !text_append(text, piece, (size_t)got)) {
            return false;
        }
        at += got;
    }
    return true;
}

bool file_sync_folder(int dir_fd)
{
    return fsync(dir_fd) == 0 || errno == EINVAL || errno == ENOTSUP;
}

static bool replace(int dir_fd, const char *name, const void *bytes, size_t len, bool sync,
                    struct error *err)
{
    char fresh[256];
    (void)snprintf(fresh, sizeof fresh, ".%s.new", name);
    /* What a crash left there may have another mode or another name, or be a FIFO. */
    (void)unlinkat(dir_fd, fresh, 0);
    int fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return error_errno(err, "cannot create %s", fresh);
    }
    bool ok = (file_write_all(fd, bytes, len) && (!sync || fsync(fd) == 0)) ||
              error_errno(err, "cannot write %s", fresh);
    if (close(fd) != 0 && ok) {
        ok = error_errno(err, "cannot write %s", fresh);
    }
    if (ok && renameat(dir_fd, fresh, dir_fd, name) != 0) {
        ok = error_errno(err, "cannot rename %s to %s", fresh, name);
    }
    if (!ok) {
        (void)unlinkat(dir_fd, fresh, 0);
    }
    return ok;
}

bool file_replace(int dir_fd, const char *name, const void *bytes, size_t len, struct error *err)
{
    return replace(dir_fd, name, bytes, len, false, err);
}

bool file_replace_synced(int dir_fd, const char *name, const void *bytes, size_t len,
                         struct error *err)
{
    return replace(dir_fd, name, bytes, len, true, err) &&
           (file_sync_folder(dir_fd) || error_errno(err, "cannot write the folder of %s", name));
}
