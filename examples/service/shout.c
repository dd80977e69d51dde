/* A server that loses neither its port nor its clients when its code is replaced or crashes: hotrun
 * keeps the descriptors by name. It answers each line in capitals. */
#define _GNU_SOURCE
#include <hotrun/hotrun.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 64

struct shout {
    unsigned long long lines;
};

static void name_client(char name[16], int number)
{
    snprintf(name, 16, "client-%d", number);
}

/* The kept socket, or a new one: of a service manager (FileDescriptorName=listen), or our own. */
static int listener(const hotrun_host *host)
{
    int fd = host->kept_fd(host, "listen");
    if (fd >= 0)
        return fd;
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    if (host->argc > 0)
        address.sin_port = htons((unsigned short)atoi(host->argv[0]));
    int own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)setsockopt(own, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (own < 0 || bind(own, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(own, 64) != 0 || host->keep_fd(host, "listen", own) != HOTRUN_OK) {
        hotrun_logf(host, HOTRUN_LOG_ERROR, "cannot listen");
        fd = -1;
    } else {
        fd = host->kept_fd(host, "listen");
    }
    if (own >= 0)
        close(own); /* hotrun has its own */
    return fd;
}

/* In a new process nothing is watched yet. */
static hotrun_status init(const hotrun_host *host, void *state)
{
    char name[16];
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    (void)state;
    int fd = listener(host);
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

static void welcome(const hotrun_host *host)
{
    char name[16];
    int fd = accept4(host->kept_fd(host, "listen"), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    for (int i = 0; fd >= 0 && i < CLIENTS; i++) {
        name_client(name, i);
        if (host->kept_fd(host, name) < 0) {
            (void)host->keep_fd(host, name, fd);
            (void)host->watch_fd(host, name, HOTRUN_FD_READ);
            break;
        }
    }
    if (fd >= 0)
        close(fd);
}

static void answer(const hotrun_host *host, struct shout *shout, const char *name)
{
    char text[512];
    int fd = host->kept_fd(host, name);
    ssize_t len = read(fd, text, sizeof text);
    if (len <= 0) {
        (void)host->keep_fd(host, name, -1); /* the client has gone */
        return;
    }
    if (len == 6 && memcmp(text, "crash\n", 6) == 0)
        abort();
    for (ssize_t i = 0; i < len; i++) {
        shout->lines += text[i] == '\n';
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
    }
    if (write(fd, text, (size_t)len) < 0)
        hotrun_logf(host, HOTRUN_LOG_WARN, "a client does not read");
}

static hotrun_status on_event(const hotrun_host *host, void *state, const hotrun_event *event)
{
    if (event->type == HOTRUN_EVENT_FD_READY) {
        if (strcmp(event->name, "listen") == 0)
            welcome(host);
        else
            answer(host, state, event->name);
    }
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host, (void)state, (void)now;
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct shout, .name = "shout", .flags = HOTRUN_STATE_PLAIN, .init = init,
              .step = step, .on_event = on_event);
