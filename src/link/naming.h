/* What the supervisor and hotrun-inspect say to each other, in packets of a SOCK_SEQPACKET pair: a
 * request with a crash record, an answer with its frames by name. Both ends are of one build, and
 * each takes what the other sends as hostile. */
#ifndef LINK_NAMING_H
#define LINK_NAMING_H

#include "base/text.h"
#include "link/crash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMING_CHANNEL     3 /* the descriptor on which hotrun-inspect is asked */
#define NAMING_FRAMES_MOST 128
#define NAMING_PACKET_MAX  ((size_t)64 << 10)
#define NAMING_PATH_SIZE   4096
#define NAMING_STRING_MOST 400 /* bytes of a function, a file, a source line, an object */

enum naming_kind {
    NAMING_PREPARE = 1, /* open `path` ahead of time; not answered */
    NAMING_FORGET,      /* let go of `path`; not answered */
    NAMING_NAME         /* answered once, with the same number */
};

struct naming_request {
    uint32_t kind;
    uint32_t number;
    uint64_t until_ns;  /* CLOCK_MONOTONIC; what has no name by then is told without */
    int64_t written_ns; /* when the library behind `path` was built: its time of change, not that of
                           the copy. A source that is newer is another one. */
    char path[NAMING_PATH_SIZE]; /* a private copy; "": none */
    struct crash_record record;  /* of NAME; others end before it */
};

#define NAMING_SHORT_SIZE offsetof(struct naming_request, record)

/* A call in a backtrace. A string that is not known is "". */
struct naming_frame {
    uint64_t address; /* in memory */
    uint64_t offset;  /* in the object's file; with an object */
    uint32_t line, column;
    uint32_t past;    /* bytes behind the start of `function`, when it is a mere symbol */
    uint32_t inlined; /* 1: into the next frame */
    uint32_t edited;  /* 1: the source was changed since, so its line is not shown */
    const char *function, *file, *source, *object; /* object: a path; "" for the program itself */
};

struct naming_answer {
    uint32_t number;
    uint32_t count;
    uint32_t more;                                  /* frames that found no room */
    struct naming_frame frames[NAMING_FRAMES_MOST]; /* innermost first */
};

/* True for a library of the system, as its path tells: nobody looks for a fault in it, and its
 * functions are named by its symbol table alone. */
bool naming_is_system(const char *object);

/* Starts the packet of an answer in `packet`, whose limit it sets. */
bool naming_begin(struct text *packet, uint32_t number);

/* Adds a frame, with strings cut to NAMING_STRING_MOST; when it finds no room it is counted. */
void naming_add(struct text *packet, const struct naming_frame *frame);

/* Reads an answer; the strings lie in `packet`. False: it is none. */
bool naming_read(struct naming_answer *answer, const void *packet, size_t len);

#endif
