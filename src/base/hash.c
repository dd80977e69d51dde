#include "base/hash.h"

#include <stdlib.h>

/* Inlined from the header: no run-time library, and nothing that a module could be bound to. */
#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash_stream {
    XXH3_state_t *state;
};

struct hash_stream *hash_stream_create(void)
{
    struct hash_stream *stream = malloc(sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->state = XXH3_createState();
    if (stream->state == NULL) {
        free(stream);
        return NULL;
    }
    (void)XXH3_128bits_reset(stream->state);
    return stream;
}

void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t len)
{
    (void)XXH3_128bits_update(stream->state, bytes, len);
}

struct hash hash_stream_end(const struct hash_stream *stream)
{
    XXH128_hash_t h = XXH3_128bits_digest(stream->state);
    return (struct hash){h.low64, h.high64};
}

/* Both widths are made of the same stream. */
uint64_t hash_stream_bytes(const struct hash_stream *stream)
{
    return XXH3_64bits_digest(stream->state);
}

void hash_stream_destroy(struct hash_stream *stream)
{
    if (stream != NULL) {
        (void)XXH3_freeState(stream->state);
        free(stream);
    }
}

uint64_t hash_bytes(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}
