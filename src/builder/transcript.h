/* What a build has said, to be read later: the first and the last part of it, as text without
 * colours, as a terminal would have shown it in the end. Takes a fixed amount of memory. */
#ifndef BUILDER_TRANSCRIPT_H
#define BUILDER_TRANSCRIPT_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSCRIPT_PART ((size_t)24 << 10) /* bytes that are kept of each end */
#define TRANSCRIPT_LINE 1024               /* of a line that is written over, what is kept */

struct transcript {
    char head[TRANSCRIPT_PART], tail[TRANSCRIPT_PART];
    uint64_t total;             /* bytes that went into both */
    char line[TRANSCRIPT_LINE]; /* the present line */
    size_t line_len;
    unsigned char state, before; /* of what is being left out; the byte before */
    bool returned;               /* to the line's beginning */
};

void transcript_clear(struct transcript *transcript);
void transcript_add(struct transcript *transcript, const char *bytes, size_t len);

/* Appends it to `text`: the whole, or at most `part` bytes (up to TRANSCRIPT_PART) of each end, and
 * between them a line that says how much is left out. */
void transcript_read(const struct transcript *transcript, size_t part, struct text *text);

#endif
