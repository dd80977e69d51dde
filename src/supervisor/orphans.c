#define _GNU_SOURCE
#include "supervisor/orphans.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MOST                                                                                \
    100 /* a child that forks faster than it is killed must not hold us up for ever */

void orphans_adopt(void)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1UL);
}

void orphans_expect(struct orphans *orphans, pid_t pid)
{
    if (orphans->count < ORPHANS_EXPECTED_MOST) {
        orphans->expected[orphans->count++] = pid;
    }
}

void orphans_forget(struct orphans *orphans, pid_t pid)
{
    for (unsigned i = 0; i < orphans->count; i++) {
        if (orphans->expected[i] == pid) {
            orphans->expected[i] = orphans->expected[--orphans->count];
            return;
        }
    }
}

static bool is_expected(const struct orphans *orphans, pid_t pid)
{
    for (unsigned i = 0; i < orphans->count; i++) {
        if (orphans->expected[i] == pid) {
            return true;
        }
    }
    return false;
}

/* This process's children, as far as one read gives them: those that are left out come in the next
 * round. */
static size_t list(char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, size - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

/* Returns whether one was there that still lived. */
static bool visit(const struct orphans *orphans, bool end)
{
    char text[4096];
    bool lived = false;
    (void)list(text, sizeof text);
    for (char *at = text, *next = NULL; *at != '\0'; at = next) {
        pid_t pid = (pid_t)strtol(at, &next, 10);
        if (next == at) {
            break;
        }
        if (pid <= 0 || is_expected(orphans, pid) || waitpid(pid, NULL, WNOHANG) != 0) {
            continue;
        }
        lived = true;
        if (end) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, NULL, 0);
        }
    }
    return lived;
}

void orphans_reap(const struct orphans *orphans)
{
    (void)visit(orphans, false);
}

void orphans_end(const struct orphans *orphans)
{
    for (int round = 0; round < ROUNDS_MOST && visit(orphans, true); round++) {
    }
}
