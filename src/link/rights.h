/* A packet that takes a descriptor along. */
#ifndef LINK_RIGHTS_H
#define LINK_RIGHTS_H

#include <sys/socket.h>
#include <sys/types.h>

union rights { /* room for one descriptor, aligned as the kernel's header wants it */
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

/* sendmsg, without waiting and without SIGPIPE; `fd` goes along (-1: none). */
ssize_t rights_send(int socket, struct msghdr message, int fd);

#endif
