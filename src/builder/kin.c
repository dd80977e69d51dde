#define _GNU_SOURCE /* memmem */
#include "builder/kin.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK_NAME   "HOTRUN_BUILD_OF_"
#define ENVIRON_MAX ((size_t)4 << 20)

struct row { /* a process, as one look at it shows it */
    pid_t pid, parent, session;
    bool found;
};

void kin_mark(char mark[KIN_MARK_SIZE])
{
    /* The name tells whose it is, so that the mark of a hotrun inside of a build does not hide the
     * outer one's; the time, which of its programs. */
    (void)snprintf(mark, KIN_MARK_SIZE, MARK_NAME "%ld=%llx", (long)getpid(),
                   (unsigned long long)clock_ns());
}

bool kin_is_mark(const char *variable)
{
    return strncmp(variable, MARK_NAME, sizeof MARK_NAME - 1) == 0;
}

/* False: it has ended, whether or not it was reaped. */
static bool look(pid_t pid, struct row *row)
{
    char path[64];
    char text[512];
    char state = 'X';
    int parent = 0;
    int session = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[got > 0 ? got : 0] = '\0';
    const char *behind = strrchr(text, ')'); /* a name may hold anything */
    bool known =
        behind != NULL && sscanf(behind + 1, " %c %d %*d %d", &state, &parent, &session) == 3;
    *row = (struct row){.pid = pid, .parent = (pid_t)parent, .session = (pid_t)session};
    return known && state != 'Z' && state != 'X';
}

/* Whether a variable in its environment begins with `start`; with `whole`, is it. */
static bool has_variable(pid_t pid, const char *start, bool whole)
{
    char path[64];
    struct text text = {0};
    size_t len = strlen(start);
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
    if (file_read(path, ENVIRON_MAX, &text, NULL) && text.len > 0) {
        const char *end = text.data + text.len;
        for (const char *at = text.data; !found && at < end;) {
            const char *hit = memmem(at, (size_t)(end - at), start, len);
            if (hit == NULL) {
                break;
            }
            found = (hit == text.data || hit[-1] == '\0') && (!whole || hit[len] == '\0');
            at = hit + len;
        }
    }
    text_finish(&text);
    return found;
}

/* For a moment a process that becomes another program shows neither arguments nor environment. Only
 * what has lost its parents, and is a child of this process by that, is known by nothing else. */
static bool has_mark(const struct row *row, const char *mark, bool *hidden)
{
    char path[64];
    struct text arguments = {0};
    if (has_variable(row->pid, mark, true)) {
        return true;
    }
    if (row->parent != getpid()) {
        return false;
    }
    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)row->pid);
    bool shows = !file_read(path, ENVIRON_MAX, &arguments, NULL) || arguments.len > 0;
    text_finish(&arguments);
    *hidden = *hidden || !shows;
    return shows && has_variable(row->pid, mark, true);
}

/* All processes, by ascending pid. NULL: no memory, or there is no /proc. */
static struct row *list(size_t *count)
{
    struct row *rows = NULL;
    size_t room = 0;
    bool ok = true;
    DIR *folder = opendir("/proc");
    *count = 0;
    if (folder == NULL) {
        return NULL;
    }
    for (const struct dirent *entry; ok && (entry = readdir(folder)) != NULL;) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid <= 1) {
            continue;
        }
        ok = array_reserve(&rows, &room, *count + 1, sizeof *rows);
        if (ok && look((pid_t)pid, &rows[*count])) {
            ++*count;
        }
    }
    (void)closedir(folder);
    if (!ok) {
        free(rows);
        return NULL;
    }
    return rows;
}

static int by_pid(const void *a, const void *b)
{
    const struct row *one = a;
    const struct row *other = b;
    return (one->pid > other->pid) - (one->pid < other->pid);
}

static bool has_found_parent(const struct row *rows, size_t count, pid_t parent)
{
    const struct row key = {.pid = parent};
    const struct row *row = bsearch(&key, rows, count, sizeof *rows, by_pid);
    return row != NULL && row->found;
}

bool kin_find(struct kin *kin, pid_t leader, const char *mark)
{
    size_t count = 0;
    size_t found = 0;
    pid_t own = getpid();
    struct row *rows = list(&count);
    kin->count = 0;
    kin->hidden = false;
    if (rows == NULL) {
        return false;
    }
    qsort(rows, count, sizeof *rows, by_pid);
    for (size_t i = 0; i < count; i++) {
        struct row *row = &rows[i];
        row->found = row->pid != own && (row->pid == leader || row->session == leader ||
                                         has_mark(row, mark, &kin->hidden));
    }
    for (bool more = true; more;) { /* a child may come before its parent */
        more = false;
        for (size_t i = 0; i < count; i++) {
            if (!rows[i].found && has_found_parent(rows, count, rows[i].parent)) {
                rows[i].found = more = true;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        found += rows[i].found ? 1 : 0;
    }
    if (!array_reserve(&kin->pids, &kin->cap, found, sizeof *kin->pids)) {
        free(rows);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].found) {
            kin->pids[kin->count++] = rows[i].pid;
        }
    }
    free(rows);
    return true;
}

bool kin_lives(const struct kin *kin)
{
    struct row row;
    for (size_t i = 0; i < kin->count; i++) {
        if (look(kin->pids[i], &row)) {
            return true;
        }
    }
    return false;
}

void kin_signal(const struct kin *kin, int signal)
{
    for (size_t i = 0; i < kin->count; i++) {
        (void)kill(kin->pids[i], signal);
    }
}

void kin_finish(struct kin *kin)
{
    free(kin->pids);
    *kin = (struct kin){0};
}

bool kin_is_ours(pid_t pid)
{
    char start[KIN_MARK_SIZE];
    (void)snprintf(start, sizeof start, MARK_NAME "%ld=", (long)getpid());
    return has_variable(pid, start, false);
}
