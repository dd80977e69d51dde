#include "link/reading.h"

#include "link/rights.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool reading_send(int channel, const struct reading_request *request, int fd)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof *request};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    return rights_send(channel, packet, fd) == (ssize_t)sizeof *request;
}

bool reading_receive(int channel, struct reading_request *request, int *fd)
{
    union rights rights;
    struct iovec part = {.iov_base = request, .iov_len = sizeof *request};
    struct msghdr packet;
    ssize_t got;
    *fd = -1;
    do {
        packet = (struct msghdr){.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = rights.room,
                                 .msg_controllen = sizeof rights.room};
        got = recvmsg(channel, &packet, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    for (struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&packet) : NULL; head != NULL;
         head = CMSG_NXTHDR(&packet, head)) {
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
            memcpy(fd, CMSG_DATA(head), sizeof *fd);
        }
    }
    bool whole = got == (ssize_t)sizeof *request &&
                 memchr(request->path, '\0', sizeof request->path) != NULL &&
                 memchr(request->origin, '\0', sizeof request->origin) != NULL;
    if (!whole && *fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
    return whole;
}

bool reading_answer_take(struct reading_answer *answer, const void *packet, size_t len)
{
    if (len != sizeof *answer) {
        return false;
    }
    memcpy(answer, packet, len);
    return memchr(answer->reason, '\0', sizeof answer->reason) != NULL &&
           answer->outcome >= READING_OK && answer->outcome <= READING_REFUSED;
}
