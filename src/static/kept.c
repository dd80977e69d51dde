/* What the module keeps by name, and the wait for the descriptors among it. */
#define _GNU_SOURCE
#include "static/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One list serves pointers and descriptors, each with names of their own. */
struct static_kept {
    struct static_kept *next;
    void *ptr;     /* NULL: this is a descriptor, or forgotten */
    int fd;        /* -1: this is a pointer, or forgotten */
    bool watched;  /* with `events`; hang-up is told unasked */
    short events;  /* POLLIN, POLLOUT */
    short revents; /* found, and not told yet */
    char name[];
};

static struct static_kept *find(const hotrun_static *run, const char *name, bool is_fd)
{
    for (struct static_kept *kept = run->kept; kept && name; kept = kept->next)
        if ((is_fd ? kept->fd >= 0 : kept->ptr != NULL) && strcmp(kept->name, name) == 0)
            return kept;
    return NULL;
}

static struct static_kept *add(hotrun_static *run, const char *name)
{
    size_t len = strlen(name) + 1;
    struct static_kept *kept = calloc(1, sizeof *kept + len);
    if (!kept)
        return NULL;
    memcpy(kept->name, name, len);
    kept->fd = -1;
    kept->next = run->kept;
    run->kept = kept;
    return kept;
}

static void forget(struct static_kept *kept)
{
    if (kept->fd >= 0)
        (void)close(kept->fd);
    kept->fd = -1;
    kept->ptr = NULL;
    kept->watched = false;
    kept->revents = 0;
}

/* Frees what was forgotten: not while an event is being told, whose name lives in there. */
static void sweep(hotrun_static *run)
{
    struct static_kept **link = &run->kept;
    while (*link) {
        struct static_kept *kept = *link;
        if (kept->ptr || kept->fd >= 0) {
            link = &kept->next;
            continue;
        }
        *link = kept->next;
        free(kept);
    }
}

void hotrun_static_forget_all(hotrun_static *run)
{
    for (struct static_kept *kept = run->kept; kept; kept = kept->next)
        forget(kept);
    sweep(run);
}

hotrun_status hotrun_static_keep(const hotrun_host *host, const char *name, void *ptr)
{
    hotrun_static *run = host->ctx;
    if (!name)
        return HOTRUN_ERR;
    struct static_kept *kept = find(run, name, false);
    if (!kept && !ptr)
        return HOTRUN_OK;
    if (!kept)
        kept = add(run, name);
    if (!kept)
        return HOTRUN_ERR_NOMEM;
    kept->ptr = ptr;
    return HOTRUN_OK;
}

void *hotrun_static_kept(const hotrun_host *host, const char *name)
{
    const struct static_kept *kept = find(host->ctx, name, false);
    return kept ? kept->ptr : NULL;
}

hotrun_status hotrun_static_keep_fd(const hotrun_host *host, const char *name, int fd)
{
    hotrun_static *run = host->ctx;
    if (!name)
        return HOTRUN_ERR;
    struct static_kept *before = find(run, name, true);
    if (fd >= 0) {
        int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (duplicate < 0)
            return HOTRUN_ERR_IO;
        struct static_kept *kept = add(run, name);
        if (!kept) {
            (void)close(duplicate);
            return HOTRUN_ERR_NOMEM;
        }
        kept->fd = duplicate;
    }
    if (before)
        forget(before);
    return HOTRUN_OK;
}

int hotrun_static_kept_fd(const hotrun_host *host, const char *name)
{
    const struct static_kept *kept = find(host->ctx, name, true);
    return kept ? kept->fd : -1;
}

hotrun_status hotrun_static_watch_fd(const hotrun_host *host, const char *name, int events)
{
    struct static_kept *kept = find(host->ctx, name, true);
    int known = HOTRUN_FD_READ | HOTRUN_FD_WRITE | HOTRUN_FD_HANGUP;
    struct stat info;
    if (!kept || (events & ~known) != 0)
        return HOTRUN_ERR;
    if (fstat(kept->fd, &info) != 0 || S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))
        return HOTRUN_ERR;
    kept->watched = events != 0;
    kept->events =
        (short)((events & HOTRUN_FD_READ ? POLLIN : 0) | (events & HOTRUN_FD_WRITE ? POLLOUT : 0));
    kept->revents = 0;
    return HOTRUN_OK;
}

static int64_t bits_of(short revents)
{
    return (revents & POLLIN ? HOTRUN_FD_READ : 0) | (revents & POLLOUT ? HOTRUN_FD_WRITE : 0) |
           (revents & (POLLHUP | POLLERR | POLLNVAL) ? HOTRUN_FD_HANGUP : 0);
}

static void tell_ready(hotrun_static *run)
{
    for (struct static_kept *kept = run->kept; kept && !run->ending; kept = kept->next) {
        int64_t bits = bits_of(kept->revents);
        kept->revents = 0;
        if (bits)
            hotrun_static_event(run, HOTRUN_EVENT_FD_READY, kept->name, bits);
    }
}

enum {
    POLL_STOP,
    POLL_WAKE,
    POLL_KEPT
};

/* Fills `polled`, if there is room, and returns how many there are. */
static size_t collect(const hotrun_static *run, struct pollfd *polled, size_t room)
{
    size_t count = POLL_KEPT;
    for (struct static_kept *kept = run->kept; kept; kept = kept->next) {
        if (!kept->watched)
            continue;
        if (count < room)
            polled[count] = (struct pollfd){.fd = kept->fd, .events = kept->events};
        count++;
    }
    return count;
}

static void distribute(hotrun_static *run, const struct pollfd *polled)
{
    size_t at = POLL_KEPT;
    for (struct static_kept *kept = run->kept; kept; kept = kept->next)
        if (kept->watched)
            kept->revents = polled[at++].revents;
}

bool hotrun_static_serve(hotrun_static *run, uint64_t timeout_ns)
{
    sweep(run);
    struct pollfd few[16];
    struct pollfd *polled = few;
    size_t count = collect(run, few, sizeof few / sizeof few[0]);
    if (count > sizeof few / sizeof few[0]) {
        polled = calloc(count, sizeof *polled);
        if (!polled)
            return false; /* nothing is lost: the next call asks again */
        (void)collect(run, polled, count);
    }
    polled[POLL_STOP] = (struct pollfd){.fd = run->stop_fd, .events = POLLIN};
    polled[POLL_WAKE] = (struct pollfd){.fd = run->wake_fd, .events = POLLIN};
    const struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                                     .tv_nsec = (long)(timeout_ns % 1000000000)};

    bool woken = false;
    if (ppoll(polled, count, &timeout, NULL) > 0) {
        uint64_t wakes;
        woken = polled[POLL_WAKE].revents && read(run->wake_fd, &wakes, sizeof wakes) > 0;
        run->ending = run->ending || polled[POLL_STOP].revents;
        distribute(run, polled);
        tell_ready(run);
    }
    if (polled != few)
        free(polled);
    return woken;
}
