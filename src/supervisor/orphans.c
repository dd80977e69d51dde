#define _GNU_SOURCE
#include "supervisor/orphans.h"

#include "builder/kin.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LAST_LOOKS   50
#define LAST_LOOK_NS 2000000L

/* This process's children, as far as one read gives them: those that are left out come next time.
 */
static void list(char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, size - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[got > 0 ? got : 0] = '\0';
}

/* The next pid of a list; 0 at its end. */
static pid_t next_pid(char **at)
{
    char *next = *at;
    long pid = strtol(*at, &next, 10);
    bool found = next != *at && pid > 0;
    *at = next;
    return found ? (pid_t)pid : 0;
}

void orphans_adopt(struct orphans *orphans)
{
    char text[4096];
    char *at = text;
    pid_t pid;
    list(text, sizeof text);
    while (orphans->foreign_count < ORPHANS_SPARED_MOST && (pid = next_pid(&at)) != 0) {
        orphans->foreign[orphans->foreign_count++] = pid;
    }
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1UL);
}

static bool take_out(pid_t *pids, unsigned *count, pid_t pid)
{
    for (unsigned i = 0; i < *count; i++) {
        if (pids[i] == pid) {
            pids[i] = pids[--*count];
            return true;
        }
    }
    return false;
}

static bool is_in(const pid_t *pids, unsigned count, pid_t pid)
{
    for (unsigned i = 0; i < count; i++) {
        if (pids[i] == pid) {
            return true;
        }
    }
    return false;
}

void orphans_expect(struct orphans *orphans, pid_t host)
{
    if (orphans->host_count < ORPHANS_SPARED_MOST) {
        orphans->hosts[orphans->host_count++] = host;
    }
}

void orphans_forget(struct orphans *orphans, pid_t host)
{
    (void)take_out(orphans->hosts, &orphans->host_count, host);
}

/* Returns how many orphans still live. */
static unsigned visit(struct orphans *orphans)
{
    char text[4096];
    char *at = text;
    unsigned alive = 0;
    pid_t pid;
    list(text, sizeof text);
    while ((pid = next_pid(&at)) != 0) {
        if (is_in(orphans->hosts, orphans->host_count, pid)) {
            continue;
        }
        if (waitpid(pid, NULL, WNOHANG) != 0) {
            /* Its number may come again, for somebody else. */
            (void)take_out(orphans->foreign, &orphans->foreign_count, pid);
        } else if (!is_in(orphans->foreign, orphans->foreign_count, pid) && !kin_is_ours(pid)) {
            alive++;
            if (orphans->ending) {
                (void)kill(pid, SIGKILL);
            }
        }
    }
    return alive;
}

void orphans_reap(struct orphans *orphans)
{
    if (visit(orphans) == 0) {
        orphans->ending = false;
    }
}

void orphans_end(struct orphans *orphans)
{
    orphans->ending = true;
    orphans_reap(orphans);
}

unsigned orphans_end_last(struct orphans *orphans)
{
    unsigned alive = 0;
    orphans->ending = true;
    for (int look = 0; look < LAST_LOOKS && (alive = visit(orphans)) > 0; look++) {
        struct timespec pause = {.tv_nsec = LAST_LOOK_NS};
        (void)nanosleep(&pause, NULL);
    }
    return alive;
}
