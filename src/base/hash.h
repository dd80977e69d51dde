/* Fingerprints of bytes (XXH3): equal ones mean equal bytes, accidents considered and enemies not.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash {
    uint64_t low, high;
};

struct hash_stream; /* opaque; one fingerprint in the making */

struct hash_stream *hash_stream_create(void); /* NULL: no memory */
void hash_stream_add(struct hash_stream *stream, const void *bytes, size_t len);
struct hash hash_stream_end(const struct hash_stream *stream);
uint64_t hash_stream_bytes(const struct hash_stream *stream); /* as hash_bytes of all of it */
void hash_stream_destroy(struct hash_stream *stream);

/* 64 bits over one piece of memory: checksums of snapshots, keys of tables. */
uint64_t hash_bytes(const void *bytes, size_t len);

static inline bool hash_equal(struct hash a, struct hash b)
{
    return a.low == b.low && a.high == b.high;
}

#endif
