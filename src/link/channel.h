/* The socket between supervisor and host: packets (SOCK_SEQPACKET), never blocking. What does not
 * fit the socket at once waits in memory, so a stopped peer holds nobody up. [one thread at each
 * end] */
#ifndef LINK_CHANNEL_H
#define LINK_CHANNEL_H

#include "base/error.h"
#include "link/message.h"

#include <stdbool.h>

struct channel; /* opaque */

enum channel_result {
    CHANNEL_GOT,
    CHANNEL_EMPTY,
    CHANNEL_CLOSED, /* the peer is gone */
    CHANNEL_BAD     /* a packet that is no message: err says which */
};

/* A connected pair, both CLOEXEC. */
bool channel_pair(int fds[2], struct error *err);

/* Takes `fd` over. */
struct channel *channel_create(int fd, struct error *err);
void channel_destroy(struct channel *channel); /* NULL is allowed */

int channel_fd(const struct channel *channel); /* to wait on; still the channel's */

/* False: the message is larger than MESSAGE_SIZE_MAX or there is no memory. A peer that is gone is
 * no error here. */
bool channel_send(struct channel *channel, const struct message *message, struct error *err);

/* The same for a packet that is encoded already. */
bool channel_send_packet(struct channel *channel, const void *packet, size_t len,
                         struct error *err);

/* The same for a KEEP, ASK, EDIT or LAYOUT, which `fd` goes along with: still the caller's. One
 * that the kernel does not pass on (too many are under way, of a kind that cannot be passed) is
 * left out, and the message arrives alone. */
bool channel_send_fd(struct channel *channel, const struct message *message, int fd,
                     struct error *err);

/* Sends what waits. True while something still does: call again when the socket is writable. */
bool channel_flush(struct channel *channel);

/* The message's bytes live until the next receive. At most one descriptor comes with a KEEP,
 * ASK, EDIT or LAYOUT; others, and those with any other message, are closed. */
enum channel_result channel_receive(struct channel *channel, struct message *message,
                                    struct error *err);

/* The descriptor of the message that was received last, CLOEXEC and the caller's from here on; -1:
 * none came. One that nobody takes is closed by the next receive. */
int channel_take_fd(struct channel *channel);

#endif
