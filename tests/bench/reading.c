/* How long hotrun-inspect takes for the layout of a library: the first time, its start and the
 * library's pages from the disk included, and again.
 *
 *     reading INSPECT LIBRARY COUNT [statics]    lines: ns from the question to the answer, ns of
 *                                                reading; `statics`: its variables, too */
#define _GNU_SOURCE /* memfd_create */
#include "link/reading.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned long now(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (unsigned long)at.tv_sec * 1000000000ul + (unsigned long)at.tv_nsec;
}

static pid_t start(const char *program, int channel[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(channel[1], READING_CHANNEL);
        (void)fcntl(READING_CHANNEL, F_SETFD, 0);
        (void)execl(program, program, "--layouts", (char *)NULL);
        _exit(127);
    }
    (void)close(channel[1]);
    return pid;
}

/* Its pages leave memory, as far as nobody else has them mapped. */
static void make_cold(const char *path)
{
    int fd = open(path, O_RDONLY);
    (void)fsync(fd);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    static struct reading_request request;
    static struct reading_answer answer;
    if (argc < 4)
        return 2;
    (void)snprintf(request.path, sizeof request.path, "%s", argv[2]);
    (void)snprintf(request.origin, sizeof request.origin, "%s", argv[2]);
    request.statics = argc > 4;
    for (int i = 0; i < atoi(argv[3]); i++) {
        int channel[2], fd = memfd_create("layout", MFD_CLOEXEC);
        make_cold(argv[2]);
        unsigned long begun = now();
        pid_t pid = start(argv[1], channel);
        request.number = 1;
        ssize_t len = reading_send(channel[0], &request, fd)
                          ? recv(channel[0], &answer, sizeof answer, 0)
                          : -1;
        if (len != (ssize_t)sizeof answer || answer.outcome != READING_OK) {
            (void)fprintf(stderr, "no layout: %s\n", len > 0 ? answer.reason : "no answer");
            return 1;
        }
        (void)printf("%lu %lu\n", now() - begun, (unsigned long)answer.took_ns);
        (void)close(channel[0]);
        (void)close(fd);
        (void)waitpid(pid, NULL, 0);
    }
    return 0;
}
