#define _GNU_SOURCE /* memfd_create */
#include "reader.h"

#include "link/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct reader {
    pid_t pid;
    int channel;
    uint32_t number;
};

struct reader *reader_create(const char *program, struct error *err)
{
    int ends[2];
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        (void)error_set(err, ERROR_SYSTEM, "no channel: %s", strerror(errno));
        free(reader);
        return NULL;
    }
    reader->channel = ends[0];
    reader->pid = fork();
    if (reader->pid == 0) {
        if (dup2(ends[1], READING_CHANNEL) >= 0 &&
            (ends[1] != READING_CHANNEL || fcntl(READING_CHANNEL, F_SETFD, 0) == 0)) {
            (void)execl(program, program, "--layouts", (char *)NULL);
        }
        _exit(127);
    }
    (void)close(ends[1]);
    if (reader->pid < 0) {
        (void)error_set(err, ERROR_SYSTEM, "no process for %s: %s", program, strerror(errno));
        (void)close(ends[0]);
        free(reader);
        return NULL;
    }
    return reader;
}

void reader_destroy(struct reader *reader)
{
    if (reader != NULL) {
        (void)close(reader->channel);
        (void)waitpid(reader->pid, NULL, 0);
        free(reader);
    }
}

static struct layout *open_file(int fd, uint64_t len, struct error *err)
{
    void *bytes = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        (void)error_set(err, ERROR_SYSTEM, "a layout of %llu bytes cannot be mapped: %s",
                        (unsigned long long)len, strerror(errno));
        return NULL;
    }
    struct layout *layout = layout_open(bytes, (size_t)len, err);
    (void)munmap(bytes, (size_t)len);
    return layout;
}

static bool ask(struct reader *reader, const struct reading_request *request, int fd,
                struct reading_answer *answer, struct error *err)
{
    char packet[sizeof *answer];
    if (!reading_send(reader->channel, request, fd)) {
        return error_set(err, ERROR_SYSTEM, "hotrun-inspect cannot be asked: %s", strerror(errno));
    }
    ssize_t len = recv(reader->channel, packet, sizeof packet, 0);
    if (len <= 0 || !reading_answer_take(answer, packet, (size_t)len) ||
        answer->number != request->number) {
        return error_set(err, ERROR_SYSTEM, "hotrun-inspect gave no answer");
    }
    return true;
}

struct layout *reader_layout(struct reader *reader, const char *path, bool statics,
                             struct error *err)
{
    static struct reading_request request;
    static struct reading_answer answer;
    struct layout *layout = NULL;
    int fd = memfd_create("layout", MFD_CLOEXEC);
    request = (struct reading_request){.number = ++reader->number, .statics = statics};
    (void)snprintf(request.path, sizeof request.path, "%s", path);
    (void)snprintf(request.origin, sizeof request.origin, "%s", path);
    if (fd < 0 || !ask(reader, &request, fd, &answer, err)) {
        goto done;
    }
    if (answer.outcome != READING_OK) {
        (void)error_set(err, ERROR_REFUSED, "%s", answer.reason);
        goto done;
    }
    layout = open_file(fd, answer.len, err);
done:
    if (fd >= 0) {
        (void)close(fd);
    }
    return layout;
}
