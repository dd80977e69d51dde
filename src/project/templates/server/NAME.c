/* @name@: a chat server on 127.0.0.1. It loses neither its port nor its clients when its code is
 * replaced or crashes: hotrun keeps the descriptors by name. */
#define _GNU_SOURCE
#include <hotrun/hotrun.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT    7070 /* `hotrun -- 8080` for another one, 0 for any that is free */
#define CLIENTS 64
#define PROMPT  "> "

/* Add, remove, reorder and retype fields while it runs: hotrun reads this struct from the debug
 * info
 * (-g) and carries each value to the field of its name. Marks, which stand behind the last field,
 * say what names can't: HOTRUN_RENAMED(guests, visitors); gives guests what was called visitors. */
struct state {
    long long lines;
    long long visitors;
};

static void name_client(char name[16], int number)
{
    (void)snprintf(name, 16, "client-%d", number);
}

/* ---- Sockets ---- */

/* -1 with errno: the port is somebody else's, or no number. */
static int open_listener(const char *port)
{
    int on = 1;
    char *end = NULL;
    long number = port != NULL ? strtol(port, &end, 10) : PORT;
    if (number < 0 || number > 65535 || (end != NULL && (end == port || *end != '\0'))) {
        errno = EINVAL;
        return -1;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
                    listen(fd, CLIENTS) != 0)) {
        int error = errno;
        close(fd);
        errno = error;
        fd = -1;
    }
    return fd;
}

/* The kept one of an earlier code or process, or a new one. */
static int listener(const hotrun_host *host)
{
    const char *port = host->argc > 0 ? host->argv[0] : NULL;
    int fd = host->kept_fd(host, "listen");
    if (fd >= 0)
        return fd;
    fd = open_listener(port);
    if (fd < 0) {
        hotrun_logf(host, HOTRUN_LOG_ERROR, "cannot listen on port %s: %s",
                    port != NULL ? port : "7070", strerror(errno));
        return -1;
    }
    (void)host->keep_fd(host, "listen", fd);
    close(fd); /* hotrun has its own */
    return host->kept_fd(host, "listen");
}

/* To all clients, the one that said it too. One that does not read misses it. */
static void tell_all(const hotrun_host *host, const char *text, size_t len)
{
    char name[16];
    for (int i = 0; i < CLIENTS; i++) {
        name_client(name, i);
        int fd = host->kept_fd(host, name);
        if (fd >= 0 && send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            hotrun_logf(host, HOTRUN_LOG_WARN, "%s does not read", name);
    }
}

static void welcome(const hotrun_host *host, struct state *state)
{
    char name[16];
    int fd = accept4(host->kept_fd(host, "listen"), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    for (int i = 0; fd >= 0 && i < CLIENTS; i++) {
        name_client(name, i);
        if (host->kept_fd(host, name) < 0) {
            state->visitors++;
            (void)host->keep_fd(host, name, fd);
            (void)host->watch_fd(host, name, HOTRUN_FD_READ);
            break;
        }
    }
    if (fd >= 0)
        close(fd);
}

static void hear(const hotrun_host *host, struct state *state, const char *name)
{
    char text[512];
    size_t head = (size_t)snprintf(text, sizeof text, "%s%s", name + strlen("client-"), PROMPT);
    ssize_t len = read(host->kept_fd(host, name), text + head, sizeof text - head);
    if (len < 0 && errno == EAGAIN)
        return;
    if (len <= 0) {
        (void)host->keep_fd(host, name, -1); /* the client has gone */
        return;
    }
    for (size_t i = head; i < head + (size_t)len; i++)
        state->lines += text[i] == '\n';
    tell_all(host, text, head + (size_t)len);
}

/* ---- The module ---- */

/* What a fresh state holds, and what a field has that an older state does not know. Nothing is
 * watched yet in a new process. */
static hotrun_status init(const hotrun_host *host, void *memory)
{
    char name[16];
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = listener(host);
    *(struct state *)memory = (struct state){.lines = 0};
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return HOTRUN_ERR;
    hotrun_logf(host, HOTRUN_LOG_INFO, "listening on port %d", ntohs(address.sin_port));
    for (int i = 0; i < CLIENTS; i++) {
        name_client(name, i);
        if (host->kept_fd(host, name) >= 0)
            (void)host->watch_fd(host, name, HOTRUN_FD_READ);
    }
    return host->watch_fd(host, "listen", HOTRUN_FD_READ);
}

static hotrun_status on_event(const hotrun_host *host, void *memory, const hotrun_event *event)
{
    struct state *state = memory;
    if (event->type == HOTRUN_EVENT_FD_READY) {
        if (strcmp(event->name, "listen") == 0)
            welcome(host, state);
        else
            hear(host, state, event->name);
    }
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    const struct state *state = memory;
    if (now->index % 3600 == 0)
        hotrun_logf(host, HOTRUN_LOG_INFO, "%lld visitors, %lld lines", state->visitors,
                    state->lines);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct state, .name = "@name@", .init = init, .step = step, .on_event = on_event);
