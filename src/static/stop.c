/* SIGINT and SIGTERM end a program without a loader between two steps. */
#define _GNU_SOURCE
#include "static/program.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int stop_signals[] = {SIGINT, SIGTERM};
#define STOP_SIGNALS (sizeof stop_signals / sizeof stop_signals[0])

/* A handler has no argument: this is what it needs, and what close needs to undo it. */
static struct {
    int fd;
    unsigned users;
    volatile sig_atomic_t asked;
    struct sigaction before[STOP_SIGNALS];
} stop = {.fd = -1};

static void on_stop_signal(int number)
{
    int saved = errno;
    if (stop.asked) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
    stop.asked = 1;
    const uint64_t one = 1;
    ssize_t written = write(stop.fd, &one, sizeof one);
    (void)written;
    errno = saved;
}

bool hotrun_static_stop_open(int *fd)
{
    if (stop.users == 0) {
        stop.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (stop.fd < 0)
            return false;
        stop.asked = 0;
        struct sigaction action = {.sa_handler = on_stop_signal, .sa_flags = SA_RESTART};
        (void)sigemptyset(&action.sa_mask);
        for (size_t i = 0; i < STOP_SIGNALS; i++) {
            (void)sigaction(stop_signals[i], NULL, &stop.before[i]);
            if (stop.before[i].sa_handler != SIG_IGN)
                (void)sigaction(stop_signals[i], &action, NULL);
        }
    }
    stop.users++;
    *fd = stop.fd;
    return true;
}

void hotrun_static_stop_close(void)
{
    if (--stop.users > 0)
        return;
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        if (stop.before[i].sa_handler != SIG_IGN)
            (void)sigaction(stop_signals[i], &stop.before[i], NULL);
    (void)close(stop.fd);
    stop.fd = -1;
}
