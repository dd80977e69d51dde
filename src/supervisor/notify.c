#include "supervisor/notify.h"

#include "base/clock.h"
#include "link/rights.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MOST 255 /* of FDNAME, by the manager's rules */

static bool set_address(struct notify *notify, const char *path)
{
    size_t len = strlen(path);
    struct sockaddr_un *address = &notify->address;
    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof address->sun_path) {
        return false;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, len + 1);
    notify->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (path[0] == '@') {
        address->sun_path[0] = '\0'; /* an abstract name: neither a file nor ended by a NUL */
    } else {
        notify->address_len++;
    }
    return true;
}

/* 0: not a number, or too large for one. */
static uint64_t number_of(const char *word)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = word == NULL ? 0 : strtoull(word, &end, 10);
    bool ok = word != NULL && *word >= '0' && *word <= '9' && *end == '\0' && errno == 0;
    return ok ? number : 0;
}

static void read_watchdog(struct notify *notify)
{
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t limit_us = number_of(getenv("WATCHDOG_USEC"));
    if (limit_us > 0 && (pid == NULL || number_of(pid) == (uint64_t)getpid())) {
        uint64_t half_ms = limit_us / 2000;
        notify->watchdog_ms = half_ms > 0 ? half_ms : 1;
    }
}

void notify_init(struct notify *notify, struct log *log)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *notify = (struct notify){.log = log, .fd = -1};
    if (path != NULL && path[0] != '\0') {
        if (!set_address(notify, path)) {
            log_line(log, LOG_WARN,
                     "NOTIFY_SOCKET is %.200s: expected a path or @NAME of up to %zu bytes", path,
                     sizeof notify->address.sun_path - 1);
        } else {
            notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            read_watchdog(notify);
        }
    }
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void notify_finish(struct notify *notify)
{
    if (notify->fd >= 0) {
        close(notify->fd);
        notify->fd = -1;
    }
}

/* False: its socket is full. A manager that is gone is none. */
static bool say(struct notify *notify, const char *text, int fd)
{
    struct iovec part = {.iov_base = (void *)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_name = &notify->address,
                             .msg_namelen = notify->address_len,
                             .msg_iov = &part,
                             .msg_iovlen = 1};
    if (notify->fd < 0) {
        return true;
    }
    ssize_t sent = rights_send(notify->fd, message, fd);
    if (sent >= 0) {
        return true;
    }
    int why = errno;
    log_line(notify->log, LOG_DEBUG, "the service manager was not told %s: %s", text,
             strerror(why));
    return why != EAGAIN && why != EWOULDBLOCK && why != ENOBUFS;
}

bool notify_phase(struct notify *notify, enum notify_phase phase)
{
    char text[128] = "";
    if (notify->fd < 0 || phase == notify->phase || notify->phase == NOTIFY_STOPPING) {
        return true;
    }
    switch (phase) {
    case NOTIFY_STARTING:
        return true;
    case NOTIFY_READY:
        (void)snprintf(text, sizeof text, "READY=1\nMAINPID=%ld", (long)getpid());
        break;
    case NOTIFY_RELOADING:
        if (notify->phase != NOTIFY_READY) {
            return true;
        }
        (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu",
                       (unsigned long long)(clock_ns() / NS_PER_US));
        break;
    case NOTIFY_STOPPING:
        (void)snprintf(text, sizeof text, "STOPPING=1");
        break;
    }
    if (!say(notify, text, -1)) {
        return false;
    }
    notify->phase = phase;
    return true;
}

bool notify_status(struct notify *notify, const char *line)
{
    char text[NOTIFY_STATUS_MOST + 16] = "STATUS=";
    char *status = text + strlen(text);
    if (notify->fd < 0) {
        return true;
    }
    (void)snprintf(status, NOTIFY_STATUS_MOST, "%s", line);
    for (char *at = status; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ') {
            *at = ' '; /* a line break would begin another assignment */
        }
    }
    if (strcmp(status, notify->status) == 0) {
        return true;
    }
    if (!say(notify, text, -1)) {
        return false;
    }
    (void)snprintf(notify->status, sizeof notify->status, "%s", status);
    return true;
}

void notify_watchdog(struct notify *notify)
{
    (void)say(notify, "WATCHDOG=1", -1);
}

static void say_name(struct notify *notify, const char *what, const char *name, int fd)
{
    char word[NAME_MOST + 1];
    char text[NAME_MOST + 64];
    if (notify->fd >= 0 && notify_name(name, word, sizeof word)) {
        (void)snprintf(text, sizeof text, "%s=1\nFDNAME=%s", what, word);
        if (!say(notify, text, fd)) {
            log_line(notify->log, LOG_WARN, "the service manager is busy: %s was lost", what);
        }
    }
}

void notify_store(struct notify *notify, const char *name, int fd)
{
    say_name(notify, "FDSTORE", name, fd);
}

void notify_remove(struct notify *notify, const char *name)
{
    say_name(notify, "FDSTOREREMOVE", name, -1);
}

bool notify_name(const char *name, char *out, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool plain = byte > ' ' && byte < 0x7f && byte != ':' && byte != '%';
        if (len + (plain ? 1 : 3) >= size) {
            return false;
        }
        if (plain) {
            out[len++] = *at;
        } else {
            out[len++] = '%';
            out[len++] = digits[byte >> 4];
            out[len++] = digits[byte & 15];
        }
    }
    out[len] = '\0';
    return len > 0;
}

static int digit_of(char letter)
{
    return letter >= '0' && letter <= '9'   ? letter - '0'
           : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                            : -1;
}

void notify_name_back(char *name)
{
    char *to = name;
    for (const char *at = name; *at != '\0'; to++) {
        int high = *at == '%' ? digit_of(at[1]) : -1;
        int low = high < 0 ? -1 : digit_of(at[2]);
        if (low >= 0 && high * 16 + low != 0) {
            *to = (char)(high * 16 + low);
            at += 3;
        } else {
            *to = *at++;
        }
    }
    *to = '\0';
}
