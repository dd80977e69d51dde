#define _GNU_SOURCE /* strchrnul */
#include "supervisor/inherited.h"

#include "supervisor/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_FD 3

/* -1: no number, or a larger one than any that can be meant. */
static long number_of(const char *word)
{
    char *end = NULL;
    long number = word == NULL ? -1 : strtol(word, &end, 10);
    return word == NULL || end == word || *end != '\0' || number > 0x7fffffff ? -1 : number;
}

/* The same socket comes twice when the manager has stored what it also listens on. */
static bool is_same(int a, int b)
{
    struct stat one, other;
    bool known = fstat(a, &one) == 0 && fstat(b, &other) == 0;
    bool typed = known && (one.st_mode & S_IFMT) != 0; /* an eventfd's inode is everybody's */
    return typed && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static void take(struct kept *kept, const char *name, int fd, struct log *log)
{
    char own[KEEP_NAME_MOST + 1];
    struct error err;
    (void)snprintf(own, sizeof own, "%s", name);
    for (unsigned turn = 2; kept_find(kept, own) >= 0; turn++) {
        if (is_same(kept_find(kept, own), fd)) {
            close(fd);
            return;
        }
        (void)snprintf(own, sizeof own, "%.200s.%u", name, turn);
    }
    if (!kept_put(kept, own, fd, &err)) {
        log_line(log, LOG_WARN, "the descriptor %s that was handed over is closed: %s", own,
                 err.text);
    }
}

/* Cuts the next name off the list; "fd3" and so on where it gives none. */
static void next_name(const char **names, int fd, char *name, size_t size)
{
    const char *end = strchrnul(*names, ':');
    (void)snprintf(name, size, "%.*s", (int)(end - *names), *names);
    *names = *end == ':' ? end + 1 : end;
    notify_name_back(name);
    if (name[0] == '\0') {
        (void)snprintf(name, size, "fd%d", fd);
    }
}

void inherited_take(struct kept *kept, struct log *log)
{
    const char *names = getenv("LISTEN_FDNAMES");
    long count = number_of(getenv("LISTEN_FDS"));
    if (count > 0 && number_of(getenv("LISTEN_PID")) == (long)getpid()) {
        names = names == NULL ? "" : names;
        for (int fd = FIRST_FD; fd - FIRST_FD < count; fd++) {
            char name[KEEP_NAME_MOST + 1];
            next_name(&names, fd, name, sizeof name);
            if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
                log_line(log, LOG_WARN, "LISTEN_FDS is %ld, but descriptor %d is not open", count,
                         fd);
                break;
            }
            take(kept, name, fd, log);
        }
    }
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDNAMES");
    (void)unsetenv("LISTEN_PIDFDID");
}
