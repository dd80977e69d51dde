#include "link/rights.h"

#include <errno.h>
#include <string.h>

ssize_t rights_send(int socket, struct msghdr message, int fd)
{
    union rights rights;
    if (fd >= 0) {
        memset(&rights, 0, sizeof rights);
        message.msg_control = rights.room;
        message.msg_controllen = sizeof rights.room;
        struct cmsghdr *control = CMSG_FIRSTHDR(&message);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(control), &fd, sizeof fd);
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
}
