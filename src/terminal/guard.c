#define _GNU_SOURCE
#include "terminal/guard.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static struct {
    volatile sig_atomic_t armed;
    int fd;
    struct termios modes;
    char bytes[64];
    size_t len;
} guard; /* the signal handler's */

static void on_death(int signal)
{
    if (guard.armed != 0 && tcgetpgrp(guard.fd) == getpgrp()) {
        ssize_t done = guard.len > 0 ? write(guard.fd, guard.bytes, guard.len) : 0;
        (void)done;
        (void)tcsetattr(guard.fd, TCSANOW, &guard.modes);
    }
    (void)raise(signal); /* its handler was taken away: this ends the process, on return */
}

/* One that ends who has no handler for it. */
static bool is_deadly(int number)
{
    static const int others[] = {SIGCHLD, SIGCONT, SIGURG,  SIGWINCH, SIGTSTP,
                                 SIGTTIN, SIGTTOU, SIGKILL, SIGSTOP};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i] == number) {
            return false;
        }
    }
    return true;
}

void guard_install(void)
{
    for (int number = 1; number <= SIGRTMAX; number++) {
        struct sigaction found, action = {.sa_handler = on_death, .sa_flags = (int)SA_RESETHAND};
        if (is_deadly(number) && sigaction(number, NULL, &found) == 0 &&
            found.sa_handler == SIG_DFL) {
            (void)sigaction(number, &action, NULL);
        }
    }
}

void guard_arm(int fd, const struct termios *modes, const char *bytes, size_t len)
{
    guard.armed = 0;
    guard.fd = fd;
    guard.modes = *modes;
    guard.len = len <= sizeof guard.bytes ? len : 0;
    if (guard.len > 0) {
        memcpy(guard.bytes, bytes, guard.len);
    }
    guard.armed = 1;
}

void guard_disarm(void)
{
    guard.armed = 0;
}
