/* A TCP server for the end-to-end tests. It listens on 127.0.0.1, tells its port in the file (or
 * FIFO) that its first argument names, and answers each line with "VERSION COUNT". The lines
 * "crash", "hang" and "drop" are obeyed instead. */
#define _GNU_SOURCE
#include "hotrun/hotrun.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION 1
#endif
#ifndef ON_INIT
#define ON_INIT
#endif
#define CONNECTIONS 4

struct server {
    uint64_t answers;
};

static void say(const hotrun_host *host, const char *call, int number)
{
    char line[128];
    int len = snprintf(line, sizeof line, "{\"version\":%d,\"call\":\"%s\",\"number\":%d}\n",
                       VERSION, call, number);
    int fd = open(host->argv[0], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)len) < 0)
        abort();
    close(fd);
}

static void connection_name(char name[16], int number)
{
    snprintf(name, 16, "conn-%d", number);
}

static hotrun_status start(const hotrun_host *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = host->kept_fd(host, "listen");
    if (fd < 0) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 8) != 0 ||
            host->keep_fd(host, "listen", fd) != HOTRUN_OK)
            return HOTRUN_ERR;
        close(fd);
        say(host, "binds", 0);
        fd = host->kept_fd(host, "listen");
    }
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return HOTRUN_ERR;
    say(host, "listens", ntohs(address.sin_port));
    return host->watch_fd(host, "listen", HOTRUN_FD_READ);
}

static hotrun_status init(const hotrun_host *host, void *state)
{
    char name[16];
    (void)state;
    for (int i = 0; i < CONNECTIONS; i++) {
        connection_name(name, i);
        if (host->kept_fd(host, name) >= 0)
            (void)host->watch_fd(host, name, HOTRUN_FD_READ);
    }
    ON_INIT;
    return start(host);
}

static void welcome(const hotrun_host *host)
{
    char name[16];
    int fd = accept4(host->kept_fd(host, "listen"), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (int i = 0; i < CONNECTIONS; i++) {
        connection_name(name, i);
        if (host->kept_fd(host, name) < 0) {
            (void)host->keep_fd(host, name, fd);
            (void)host->watch_fd(host, name, HOTRUN_FD_READ);
            break;
        }
    }
    close(fd);
}

static void serve(const hotrun_host *host, struct server *server, const char *name)
{
    char line[64] = "";
    int fd = host->kept_fd(host, name);
    ssize_t got = read(fd, line, sizeof line - 1);
    if (got <= 0 || strcmp(line, "drop\n") == 0) {
        (void)host->keep_fd(host, name, -1);
        return;
    }
    if (strcmp(line, "crash\n") == 0)
        *(volatile int *)(uintptr_t)8 = 1;
    if (strcmp(line, "hang\n") == 0) {
        say(host, "hangs", 0);
        for (;;)
            ;
    }
    int len = snprintf(line, sizeof line, "%d %" PRIu64 "\n", VERSION, ++server->answers);
    (void)!write(fd, line, (size_t)len);
    host->request_snapshot(host);
}

static hotrun_status on_event(const hotrun_host *host, void *state, const hotrun_event *event)
{
    if (event->type == HOTRUN_EVENT_FD_READY) {
        if (strcmp(event->name, "listen") == 0)
            welcome(host);
        else
            serve(host, state, event->name);
    }
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host, (void)state, (void)now;
    return HOTRUN_OK;
}

static hotrun_status serialize(const hotrun_host *host, const void *state,
                               const hotrun_writer *writer)
{
    const struct server *server = state;
    char text[64];
    (void)host;
    int len = snprintf(text, sizeof text, "{\"answers\":%" PRIu64 "}", server->answers);
    return writer->write(writer, text, (size_t)len);
}

static hotrun_status deserialize(const hotrun_host *host, void *state, const char *json, size_t len,
                                 uint32_t from_version)
{
    struct server *server = state;
    (void)host, (void)len, (void)from_version;
    server->answers = strtoull(json + strcspn(json, "0123456789"), NULL, 10);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct server, .name = "server", .state_version = 1, .init = init, .step = step,
              .serialize = serialize, .deserialize = deserialize, .on_event = on_event);
