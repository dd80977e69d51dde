#include "terminal/screen.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The controlling terminal has a name that always works, also where its device belongs to somebody
 * else or to another mount of devpts. */
static int open_again(int of)
{
    char path[32];
    int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat st;
    if (isatty(of) != 1 && (fstat(of, &st) != 0 || !S_ISFIFO(st.st_mode))) {
        return -1;
    }
    if (isatty(of) == 1 && tcgetpgrp(of) > 0) {
        return open("/dev/tty", flags);
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", of);
    return open(path, flags);
}

/* How many of the bytes it takes at once; -1: there is nobody any more. */
static ssize_t write_now(const struct screen *screen, const char *bytes, size_t len)
{
    size_t taken = 0;
    while (taken < len) {
        ssize_t done = write(screen->fd, bytes + taken, len - taken);
        if (done > 0) {
            taken += (size_t)done;
        } else if (done < 0 && errno != EINTR) {
            return errno == EAGAIN ? (ssize_t)taken : -1;
        }
    }
    return (ssize_t)taken;
}

/* False: there is nobody any more. */
static bool push(struct screen *screen)
{
    ssize_t taken = write_now(screen, screen->waits.data, screen->waits.len);
    if (taken > 0) {
        screen->waits.len -= (size_t)taken;
        memmove(screen->waits.data, screen->waits.data + taken, screen->waits.len + 1);
    }
    return taken >= 0;
}

static void tell_left_out(struct screen *screen)
{
    char line[96];
    /* What was to end a colour may be among them. */
    int len = snprintf(line, sizeof line, "%s(lines left out, as nobody took them: %llu)\n",
                       screen->terminal ? "\033[0m" : "", (unsigned long long)screen->left_out);
    screen->left_out = 0;
    screen_put(screen, line, (size_t)len);
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
    struct screen *screen = poll->data;
    (void)events;
    if (status < 0 || !push(screen)) {
        text_clear(&screen->waits); /* it has gone, and so has who would read it */
    }
    if (screen->waits.len == 0) {
        (void)uv_poll_stop(poll);
        screen->polls = false;
        if (screen->left_out > 0) {
            tell_left_out(screen);
        }
    }
}

bool screen_open(struct screen *screen, uv_loop_t *loop, int of)
{
    *screen = (struct screen){
        .terminal = isatty(of) == 1, .fd = open_again(of), .waits = {.limit = SCREEN_WAITS_MOST}};
    if (screen->fd >= 0 && uv_poll_init(loop, &screen->poll, screen->fd) == 0) {
        screen->poll.data = screen;
        screen->there = true;
    } else if (screen->fd >= 0) {
        close(screen->fd);
    }
    return screen->there;
}

void screen_put(struct screen *screen, const char *bytes, size_t len)
{
    if (!screen->there) {
        return;
    }
    /* At once and without a copy: it is said also where memory is missing. */
    ssize_t taken = screen->waits.len == 0 ? write_now(screen, bytes, len) : 0;
    if (taken < 0 || (size_t)taken == len) {
        return;
    }
    if (!text_append(&screen->waits, bytes + taken, len - (size_t)taken)) {
        screen->waits.failed = false;
        screen->left_out++;
    } else if (!screen->polls) {
        screen->polls = uv_poll_start(&screen->poll, UV_WRITABLE, on_writable) == 0;
    }
}

bool screen_is_free(const struct screen *screen)
{
    return screen->waits.len == 0;
}

void screen_close(struct screen *screen, int wait_ms)
{
    if (!screen->there) {
        return;
    }
    uint64_t end_ns = clock_ns() + (uint64_t)wait_ms * NS_PER_MS;
    for (uint64_t now = clock_ns(); screen->waits.len > 0 && now < end_ns; now = clock_ns()) {
        struct pollfd wanted = {.fd = screen->fd, .events = POLLOUT};
        if (poll(&wanted, 1, (int)((end_ns - now) / NS_PER_MS) + 1) > 0 && !push(screen)) {
            break;
        }
    }
    screen->there = false;
    uv_close((uv_handle_t *)&screen->poll, NULL);
    close(screen->fd);
    text_finish(&screen->waits);
}
