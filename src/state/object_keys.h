/* The keys of all open objects of a JSON text, to find one that stands twice in its object. They
 * stay where they are in the text. */
#ifndef STATE_OBJECT_KEYS_H
#define STATE_OBJECT_KEYS_H

#include "state/json.h"
#include "state/spelling.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJECT_KEYS_INSIDE 64 /* more of them cost memory of their own */

struct object_key {
    uint64_t mark;
    const char *raw; /* as it is spelled between its quotes */
    size_t len;
};

struct object_keys {
    struct object_key *key; /* those of the innermost object last */
    size_t count, cap;
    size_t known;                 /* key[count..known): left by objects that are closed */
    size_t first[JSON_DEPTH_MAX]; /* per open object, by its depth */
    struct object_key inside[OBJECT_KEYS_INSIDE];
};

void object_keys_start(struct object_keys *keys);
void object_keys_finish(struct object_keys *keys);

/* depth: how many containers are around the object. */
static inline void object_keys_open(struct object_keys *keys, unsigned depth)
{
    keys->first[depth] = keys->count;
}

/* For the two below. */
bool object_keys_grow(struct object_keys *keys);
bool object_keys_differ(struct object_key *key, size_t count, const struct object_key **first,
                        const struct object_key **again);

/* Adds a key of the innermost object. `end` is that of the text. False: no memory. */
static inline bool object_keys_add(struct object_keys *keys, const char *raw, size_t len,
                                   const char *end, bool escaped)
{
    if (keys->count == keys->cap && !object_keys_grow(keys)) {
        return false;
    }
    struct object_key *key = &keys->key[keys->count++];
    keys->known = keys->count > keys->known ? keys->count : keys->known;
    key->raw = raw;
    key->len = len;
    if (escaped) {
        return spelling_mark_escaped(raw, len, &key->mark);
    }
    key->mark = spelling_mark(raw, len, end);
    return true;
}

/* Records in an array mostly have the same keys in the same order. If the key at `at`, behind its
 * opening quote, is spelled as the one that stood here in the object before, adds it and returns
 * what is behind its closing quote; else NULL. */
static inline const char *object_keys_add_same(struct object_keys *keys, const char *at,
                                               const char *end)
{
    struct object_key *key = &keys->key[keys->count];
    if (keys->count >= keys->known || (size_t)(end - at) <= key->len) {
        return NULL;
    }
    bool same = key->len < 8
                    ? (word_load(at, end) ^ word_load(key->raw, end)) << (56 - 8 * key->len) == 0
                    : memcmp(at, key->raw, key->len + 1) == 0;
    if (!same) {
        return NULL;
    }
    key->raw = at;
    keys->count++;
    return at + key->len + 1;
}

/* Closes the innermost object. True: each stood once. Else *again repeats *first,
 * both good until the next call. */
static inline bool object_keys_close(struct object_keys *keys, unsigned depth,
                                     const struct object_key **first,
                                     const struct object_key **again)
{
    size_t from = keys->first[depth];
    size_t count = keys->count - from;
    keys->count = from;
    return count < 2 || object_keys_differ(keys->key + from, count, first, again);
}

#endif
