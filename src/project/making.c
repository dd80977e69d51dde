#include "project/making.h"

#include "base/array.h"
#include "base/file.h"
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN 200 /* bytes of a path in a message, so that its reason is in it, too */

struct entry {
    char *path; /* absolute for folders on the way to the project, else below it */
    bool is_folder, is_outer;
};

struct making {
    char *dir; /* for messages */
    int fd;
    size_t count, files;
    struct entry *entries; /* in the order in which they were made */
    size_t room;
};

static bool note(struct making *making, const char *path, bool is_folder, bool is_outer)
{
    char *copy = strdup(path);
    if (copy == NULL || !array_reserve(&making->entries, &making->room, making->count + 1,
                                       sizeof *making->entries)) {
        free(copy);
        return false;
    }
    making->entries[making->count++] = (struct entry){copy, is_folder, is_outer};
    return true;
}

static bool no_room(const char *path, struct error *err)
{
    return error_set(err, ERROR_SYSTEM, "no memory for %.*s", SHOWN, path);
}

/* ---- Folders ---- */

/* Makes what is missing of the folders that `path` names, from `root_fd` on; what is made is noted
 * before, so that nothing is made that would be forgotten. */
static bool make_folders(struct making *making, int root_fd, const char *path, bool is_outer,
                         struct error *err)
{
    for (const char *end = path; *end != '\0';) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char *part = strndup(path, (size_t)(end - path));
        bool ok = part != NULL && note(making, part, true, is_outer);
        if (!ok) {
            free(part);
            return no_room(path, err);
        }
        if (mkdirat(root_fd, part, 0777) != 0) {
            int error = errno; /* not only EEXIST says that it is there: EROFS may come first */
            struct stat st;
            free(making->entries[--making->count].path);
            if (fstatat(root_fd, part, &st, 0) != 0 || !S_ISDIR(st.st_mode)) {
                errno = error;
                error_errno(err, "cannot make the folder %.*s", SHOWN, part);
                free(part);
                return false;
            }
        }
        free(part);
    }
    return true;
}

static bool is_free(const struct making *making, struct error *err)
{
    int fd = openat(making->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) {
        error_errno(err, "cannot read the folder %s", making->dir);
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    bool ok = true;
    const struct dirent *entry;
    while (ok && (entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;
        ok = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0;
        if (!ok) {
            error_set(err, ERROR_REFUSED,
                      "%s is not empty (%.100s is in it): expected a new folder, or one that holds "
                      "nothing but .git",
                      making->dir, name);
        }
    }
    (void)closedir(stream);
    return ok;
}

struct making *making_begin(const char *dir, struct error *err)
{
    struct making *making = calloc(1, sizeof *making);
    char *shown = path_short(dir);
    struct stat st;
    if (making == NULL || shown == NULL) {
        free(making);
        free(shown);
        no_room(dir, err);
        return NULL;
    }
    making->dir = shown;
    making->fd = -1;
    if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode)) {
        error_set(err, ERROR_REFUSED, "%s is no folder: expected a new or an empty one", shown);
        goto fail;
    }
    if (!make_folders(making, AT_FDCWD, dir, true, err)) {
        goto fail;
    }
    making->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (making->fd < 0) {
        error_errno(err, "cannot open the folder %s", shown);
        goto fail;
    }
    if (!is_free(making, err)) {
        goto fail;
    }
    return making;
fail:
    making_end(making, false, err);
    return NULL;
}

/* ---- Files ---- */

bool making_file(struct making *making, const char *path, const char *text, size_t len,
                 struct error *err)
{
    char *folder = path_dir(path);
    bool ok = folder != NULL
                  ? strcmp(folder, ".") == 0 || make_folders(making, making->fd, folder, false, err)
                  : no_room(path, err);
    free(folder);
    if (!ok) {
        return false;
    }
    int fd = openat(making->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        return error_errno(err, "cannot make %s in %s", path, making->dir);
    }
    if (!file_write_all(fd, text, len)) {
        error_errno(err, "cannot write %s in %s", path, making->dir);
        ok = false;
    }
    if (close(fd) != 0 && ok) {
        ok = error_errno(err, "cannot write %s in %s", path, making->dir);
    }
    ok = ok && (note(making, path, false, false) || no_room(path, err));
    if (!ok) {
        (void)unlinkat(making->fd, path, 0);
        return false;
    }
    making->files++;
    return true;
}

size_t making_files(const struct making *making)
{
    return making->files;
}

/* ---- The end ---- */

static void say_behind(struct error *err, const char *path)
{
    char sentence[sizeof err->text];
    (void)snprintf(sentence, sizeof sentence, "%s", err->text);
    if (path == NULL) {
        (void)error_set(err, err->code, "%s (what was made before is removed again)", sentence);
    } else {
        (void)error_set(err, err->code, "%s (and %s could not be removed again)", sentence, path);
    }
}

void making_end(struct making *making, bool keep, struct error *err)
{
    const char *left = NULL;
    for (size_t i = making->count; i-- > 0 && !keep;) {
        const struct entry *entry = &making->entries[i];
        int root = entry->is_outer ? AT_FDCWD : making->fd;
        bool gone = unlinkat(root, entry->path, entry->is_folder ? AT_REMOVEDIR : 0) == 0;
        left = gone || errno == ENOENT ? left : entry->path;
    }
    if (!keep && making->count > 0 && err != NULL) {
        say_behind(err, left);
    }
    for (size_t i = 0; i < making->count; i++) {
        free(making->entries[i].path);
    }
    if (making->fd >= 0) {
        (void)close(making->fd);
    }
    free(making->entries);
    free(making->dir);
    free(making);
}
