#define _GNU_SOURCE /* asprintf, get_current_dir_name */
#include "base/path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *path_join(const char *dir, const char *name)
{
    char *joined = NULL;
    if (name[0] == '/' || dir[0] == '\0' || strcmp(dir, ".") == 0) {
        return strdup(name);
    }
    size_t len = strlen(dir);
    return asprintf(&joined, "%s%s%s", dir, dir[len - 1] == '/' ? "" : "/", name) < 0 ? NULL
                                                                                      : joined;
}

char *path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return strdup(".");
    }
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

char *path_absolute(const char *path)
{
    char *full = NULL;
    if (path[0] == '/') {
        full = strdup(path);
    } else {
        char *cwd = get_current_dir_name();
        if (cwd == NULL) {
            return NULL;
        }
        full = path_join(cwd, path);
        free(cwd);
    }
    if (full == NULL) {
        return NULL;
    }
    char *out = full;
    for (const char *in = full; *in != '\0';) {
        if (in[0] == '/' && (in[1] == '/' || (in[1] == '.' && (in[2] == '/' || in[2] == '\0')))) {
            in += in[1] == '/' ? 1 : 2;
        } else {
            *out++ = *in++;
        }
    }
    if (out == full) {
        *out++ = '/';
    }
    *out = '\0';
    return full;
}

char *path_short(const char *path)
{
    char *cwd = get_current_dir_name();
    char *result = NULL;
    size_t len = cwd == NULL ? 0 : strlen(cwd);
    if (len > 1 && strncmp(path, cwd, len) == 0 && path[len] == '/' && path[len + 1] != '\0') {
        result = strdup(path + len + 1);
    } else {
        result = strdup(path);
    }
    free(cwd);
    return result;
}

char *path_own_dir(struct error *err)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len < 0) {
        error_errno(err, "cannot read /proc/self/exe");
        return NULL;
    }
    exe[len] = '\0';
    char *dir = path_dir(exe);
    if (dir == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for a path");
    }
    return dir;
}
