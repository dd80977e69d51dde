#define _GNU_SOURCE
#include "link/channel.h"

#include "link/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct packet {
    struct packet *next;
    size_t len;
    int fd; /* our own duplicate; -1: none */
    char bytes[];
};

struct channel {
    int fd;
    bool broken;
    struct packet *first, **last; /* waiting to be sent */
    int in_fd;                    /* came with the last message; -1: none, or taken */
    char out[MESSAGE_SIZE_MAX];
    char in[MESSAGE_SIZE_MAX];
};

bool channel_pair(int fds[2], struct error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
        return error_errno(err, "cannot create a socket pair");
    }
    /* The largest message must fit, whatever the machine's default is. */
    int room = 2 * (int)MESSAGE_SIZE_MAX;
    for (int i = 0; i < 2; i++) {
        (void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    }
    return true;
}

struct channel *channel_create(int fd, struct error *err)
{
    struct channel *channel = malloc(sizeof *channel);
    if (channel == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for a channel");
        return NULL;
    }
    channel->fd = fd;
    channel->broken = false;
    channel->in_fd = -1;
    channel->first = NULL;
    channel->last = &channel->first;
    return channel;
}

static void close_if_open(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void drop_packet(struct packet *packet)
{
    close_if_open(&packet->fd);
    free(packet);
}

void channel_destroy(struct channel *channel)
{
    if (channel == NULL) {
        return;
    }
    while (channel->first != NULL) {
        struct packet *packet = channel->first;
        channel->first = packet->next;
        drop_packet(packet);
    }
    close_if_open(&channel->in_fd);
    close(channel->fd);
    free(channel);
}

int channel_fd(const struct channel *channel)
{
    return channel->fd;
}

static ssize_t send_with(int socket, const void *bytes, size_t len, int fd)
{
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = len};
    return rights_send(socket, (struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, fd);
}

/* True when the packet is done with: sent, or nobody is there to get it. */
static bool send_packet(struct channel *channel, const void *bytes, size_t len, int fd)
{
    if (channel->broken) {
        return true;
    }
    ssize_t sent = send_with(channel->fd, bytes, len, fd);
    if (sent < 0 && fd >= 0 && errno != EAGAIN && errno != ENOBUFS && errno != EPIPE) {
        sent = send_with(channel->fd, bytes, len, -1);
    }
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
        return false;
    }
    channel->broken = sent < 0;
    return true;
}

static bool send_or_queue(struct channel *channel, const void *bytes, size_t len, int fd,
                          struct error *err)
{
    if (!channel_flush(channel) && send_packet(channel, bytes, len, fd)) {
        return true;
    }
    struct packet *packet = malloc(sizeof *packet + len);
    if (packet == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for a message of %zu bytes", len);
    }
    packet->next = NULL;
    packet->len = len;
    packet->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    memcpy(packet->bytes, bytes, len);
    *channel->last = packet;
    channel->last = &packet->next;
    return true;
}

bool channel_send_packet(struct channel *channel, const void *bytes, size_t len, struct error *err)
{
    return send_or_queue(channel, bytes, len, -1, err);
}

bool channel_send_fd(struct channel *channel, const struct message *message, int fd,
                     struct error *err)
{
    size_t len = message_encode(message, channel->out, sizeof channel->out);
    if (len == 0) {
        return error_set(err, ERROR_LIMIT, "a message of type %d is larger than %zu bytes",
                         (int)message->type, sizeof channel->out);
    }
    return send_or_queue(channel, channel->out, len, fd, err);
}

bool channel_send(struct channel *channel, const struct message *message, struct error *err)
{
    return channel_send_fd(channel, message, -1, err);
}

bool channel_flush(struct channel *channel)
{
    while (channel->first != NULL) {
        struct packet *packet = channel->first;
        if (!send_packet(channel, packet->bytes, packet->len, packet->fd)) {
            return true;
        }
        channel->first = packet->next;
        if (channel->first == NULL) {
            channel->last = &channel->first;
        }
        drop_packet(packet);
    }
    return false;
}

int channel_take_fd(struct channel *channel)
{
    int fd = channel->in_fd;
    channel->in_fd = -1;
    return fd;
}

/* Keeps the first descriptor that came and closes the rest. */
static void sort_out(struct channel *channel, struct msghdr *header)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at != NULL; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
            if (channel->in_fd < 0) {
                channel->in_fd = fd;
            } else {
                close(fd);
            }
        }
    }
}

/* A packet of no bytes, which is no message, reads like the end. */
static bool is_hung_up(int fd)
{
    struct pollfd end = {.fd = fd};
    return poll(&end, 1, 0) < 0 || end.revents != 0;
}

static bool carries_fd(const struct message *message)
{
    return (message->type == MESSAGE_KEEP && message->keep.dropped == 0) ||
           message->type == MESSAGE_ASK || message->type == MESSAGE_EDIT ||
           message->type == MESSAGE_LAYOUT;
}

enum channel_result channel_receive(struct channel *channel, struct message *message,
                                    struct error *err)
{
    union rights rights;
    struct iovec part = {.iov_base = channel->in, .iov_len = sizeof channel->in};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got;
    close_if_open(&channel->in_fd);
    do {
        header.msg_control = rights.room;
        header.msg_controllen = sizeof rights.room;
        /* MSG_TRUNC: the packet's own length, so that one that was cut is seen. */
        got = recvmsg(channel->fd, &header, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
        /* ECONNRESET is told once, of a peer that ended without reading all, and before what it
         * sent: its last words still wait. */
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? CHANNEL_EMPTY : CHANNEL_CLOSED;
    }
    sort_out(channel, &header);
    if (got == 0 && is_hung_up(channel->fd)) {
        close_if_open(&channel->in_fd);
        return CHANNEL_CLOSED;
    }
    bool ok = (size_t)got <= sizeof channel->in
                  ? message_decode(message, channel->in, (size_t)got, err)
                  : error_set(err, ERROR_LIMIT, "a message of %zd bytes is too large", got);
    if (!ok || !carries_fd(message)) {
        close_if_open(&channel->in_fd);
    }
    return ok ? CHANNEL_GOT : CHANNEL_BAD;
}
