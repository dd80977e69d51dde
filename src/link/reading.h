/* What the supervisor and `hotrun-inspect --layouts` say to each other, in packets of a
 * SOCK_SEQPACKET pair: a request with the descriptor of an empty file, which is filled with the
 * layout (layout/layout.h), and an answer. Both are of one build, and each takes what the other
 * sends as hostile. */
#ifndef LINK_READING_H
#define LINK_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READING_CHANNEL   3 /* the descriptor on which hotrun-inspect is asked */
#define READING_PATH_SIZE 4096

struct reading_request { /* answered once, with the same number */
    uint32_t number;
    uint32_t statics;               /* 1: with the variables of the module */
    char path[READING_PATH_SIZE];   /* the private copy */
    char origin[READING_PATH_SIZE]; /* what it was copied from: separate debug info may lie there */
};

enum reading_outcome {
    READING_OK = 1,
    READING_NONE,   /* there is no debug info, or it says nothing of the state: `reason` */
    READING_REFUSED /* what it says of the state cannot be carried (a flexible array), or is damaged
                     */
};

struct reading_answer {
    uint32_t number;
    uint32_t outcome;
    uint64_t len;     /* bytes of the layout */
    uint64_t took_ns; /* reading it took so long */
    char reason[600]; /* a sentence for a person, "" with READING_OK */
};

/* Sends a request and `fd`, which stays the caller's. False: it could not be sent now (errno). */
bool reading_send(int channel, const struct reading_request *request, int fd);

/* Receives one; blocks. *fd: the caller's, -1: none came. False: nobody asks any more. */
bool reading_receive(int channel, struct reading_request *request, int *fd);

/* Reads an answer's packet. False: it is none. */
bool reading_answer_take(struct reading_answer *answer, const void *packet, size_t len);

#endif
