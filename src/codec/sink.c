#include "codec/sink.h"

#include <stdlib.h>

bool sink_open(struct sink *sink, encode_write *write, void *ctx)
{
    char *buffer = malloc(SINK_SIZE);
    *sink = (struct sink){.write = write, .ctx = ctx, .at = buffer, .buffer = buffer};
    sink->end = buffer == NULL ? NULL : buffer + SINK_SIZE;
    return buffer != NULL;
}

void sink_flush(struct sink *sink)
{
    size_t len = (size_t)(sink->at - sink->buffer);
    if (len > 0 && !sink->failed) {
        sink->failed = !sink->write(sink->ctx, sink->buffer, len);
    }
    sink->sent += len;
    sink->at = sink->buffer;
}

void sink_close(struct sink *sink)
{
    free(sink->buffer);
    *sink = (struct sink){0};
}

void sink_put(struct sink *sink, const char *bytes, size_t len)
{
    while (len > (size_t)(sink->end - sink->at)) {
        size_t now = (size_t)(sink->end - sink->at);
        memcpy(sink->at, bytes, now);
        sink->at += now;
        bytes += now;
        len -= now;
        sink_flush(sink);
    }
    memcpy(sink->at, bytes, len);
    sink->at += len;
}

void sink_repeat(struct sink *sink, const char *bytes, size_t len, uint64_t times)
{
    char block[4096];
    size_t fit = len == 0 ? 0 : sizeof block / len;
    if (fit > times) {
        fit = (size_t)times;
    }
    if (fit < 2) {
        for (; len > 0 && times > 0 && !sink->failed; times--) {
            sink_put(sink, bytes, len);
        }
        return;
    }
    for (size_t i = 0; i < fit; i++) {
        memcpy(block + i * len, bytes, len);
    }
    for (; times >= fit && !sink->failed; times -= fit) {
        sink_put(sink, block, fit * len);
    }
    sink_put(sink, block, (size_t)(times % fit) * len);
}
