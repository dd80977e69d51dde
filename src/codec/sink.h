/* JSON text on its way out: small pieces are gathered into large ones. */
#ifndef CODEC_SINK_H
#define CODEC_SINK_H

#include "codec/encode.h"

#include <string.h>

#define SINK_SIZE ((size_t)64 << 10)
#define SINK_ROOM ((size_t)256) /* most bytes that sink_room makes sure of */

struct sink {
    encode_write *write;
    void *ctx;
    char *at, *end; /* where the next byte goes; none goes behind `end` */
    char *buffer;
    uint64_t sent;
    bool failed; /* `write` refused: what comes after is thrown away */
};

bool sink_open(struct sink *sink, encode_write *write, void *ctx); /* false: no memory */
void sink_flush(struct sink *sink);
void sink_close(struct sink *sink); /* writes nothing; zero-initialised is allowed */

/* Any bytes. */
void sink_put(struct sink *sink, const char *bytes, size_t len);

/* Repeats bytes[0..len), `times` times. */
void sink_repeat(struct sink *sink, const char *bytes, size_t len, uint64_t times);

/* Up to SINK_ROOM bytes can be written at sink->at without a further look. */
static inline char *sink_room(struct sink *sink)
{
    if ((size_t)(sink->end - sink->at) < SINK_ROOM) {
        sink_flush(sink);
    }
    return sink->at;
}

static inline void sink_char(struct sink *sink, char c)
{
    *sink_room(sink) = c;
    sink->at++;
}

static inline void sink_puts(struct sink *sink, const char *string)
{
    sink_put(sink, string, strlen(string));
}

#endif
