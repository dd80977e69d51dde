#include "supervisor/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The controlling terminal has a name that always works, also where its device belongs to somebody
 * else or to another mount of devpts. */
static int open_again(int of)
{
    char path[32];
    int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    if (isatty(of) != 1) {
        return -1;
    }
    if (tcgetpgrp(of) > 0) {
        return open("/dev/tty", flags);
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", of);
    return open(path, flags);
}

/* False: there is no terminal any more. */
static bool push(struct screen *screen)
{
    while (screen->waits.len > 0) {
        ssize_t done = write(screen->fd, screen->waits.data, screen->waits.len);
        if (done > 0) {
            screen->waits.len -= (size_t)done;
            memmove(screen->waits.data, screen->waits.data + done, screen->waits.len + 1);
        } else if (done < 0 && errno != EINTR) {
            return errno == EAGAIN;
        }
    }
    return true;
}

static void tell_left_out(struct screen *screen)
{
    char line[96];
    /* What was to end a colour may be among them. */
    int len =
        snprintf(line, sizeof line, "\033[0m(lines left out, as the terminal took nothing: %llu)\n",
                 (unsigned long long)screen->left_out);
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
    *screen = (struct screen){.fd = open_again(of), .waits = {.limit = SCREEN_WAITS_MOST}};
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
    size_t before = screen->waits.len;
    if (!screen->there) {
        return;
    }
    if (!text_append(&screen->waits, bytes, len)) {
        screen->waits.failed = false;
        screen->left_out++;
        return;
    }
    if (before > 0) {
        return; /* it is being waited for */
    }
    if (!push(screen)) {
        text_clear(&screen->waits);
    } else if (screen->waits.len > 0 && !screen->polls) {
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
    if (screen->waits.len > 0) {
        struct pollfd wanted = {.fd = screen->fd, .events = POLLOUT};
        (void)poll(&wanted, 1, wait_ms);
        (void)push(screen);
    }
    screen->there = false;
    uv_close((uv_handle_t *)&screen->poll, NULL);
    close(screen->fd);
    text_finish(&screen->waits);
}
