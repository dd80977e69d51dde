#define _GNU_SOURCE
#include "link/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct packet {
    struct packet *next;
    size_t len;
    char bytes[];
};

struct channel {
    int fd;
    bool broken;
    struct packet *first, **last; /* waiting to be sent */
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
    channel->first = NULL;
    channel->last = &channel->first;
    return channel;
}

void channel_destroy(struct channel *channel)
{
    if (channel == NULL) {
        return;
    }
    while (channel->first != NULL) {
        struct packet *packet = channel->first;
        channel->first = packet->next;
        free(packet);
    }
    close(channel->fd);
    free(channel);
}

int channel_fd(const struct channel *channel)
{
    return channel->fd;
}

/* True when the packet is done with: sent, or nobody is there to get it. */
static bool send_packet(struct channel *channel, const void *bytes, size_t len)
{
    if (channel->broken) {
        return true;
    }
    ssize_t sent;
    do {
        sent = send(channel->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
        return false;
    }
    channel->broken = sent < 0;
    return true;
}

bool channel_send_packet(struct channel *channel, const void *bytes, size_t len, struct error *err)
{
    if (!channel_flush(channel) && send_packet(channel, bytes, len)) {
        return true;
    }
    struct packet *packet = malloc(sizeof *packet + len);
    if (packet == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for a message of %zu bytes", len);
    }
    packet->next = NULL;
    packet->len = len;
    memcpy(packet->bytes, bytes, len);
    *channel->last = packet;
    channel->last = &packet->next;
    return true;
}

bool channel_send(struct channel *channel, const struct message *message, struct error *err)
{
    size_t len = message_encode(message, channel->out, sizeof channel->out);
    if (len == 0) {
        return error_set(err, ERROR_LIMIT, "a message of type %d is larger than %zu bytes",
                         (int)message->type, sizeof channel->out);
    }
    return channel_send_packet(channel, channel->out, len, err);
}

bool channel_flush(struct channel *channel)
{
    while (channel->first != NULL) {
        struct packet *packet = channel->first;
        if (!send_packet(channel, packet->bytes, packet->len)) {
            return true;
        }
        channel->first = packet->next;
        if (channel->first == NULL) {
            channel->last = &channel->first;
        }
        free(packet);
    }
    return false;
}

enum channel_result channel_receive(struct channel *channel, struct message *message,
                                    struct error *err)
{
    ssize_t got;
    do {
        /* MSG_TRUNC: the packet's own length, so that one that was cut is seen. */
        got = recv(channel->fd, channel->in, sizeof channel->in, MSG_DONTWAIT | MSG_TRUNC);
        /* ECONNRESET is told once, of a peer that ended without reading all, and before what it
         * sent: its last words still wait. */
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? CHANNEL_EMPTY : CHANNEL_CLOSED;
    }
    if (got == 0) {
        return CHANNEL_CLOSED;
    }
    if ((size_t)got > sizeof channel->in) {
        error_set(err, ERROR_LIMIT, "a message of %zd bytes is too large", got);
        return CHANNEL_BAD;
    }
    return message_decode(message, channel->in, (size_t)got, err) ? CHANNEL_GOT : CHANNEL_BAD;
}
