#include "state/object_keys.h"

#include <stdlib.h>
#include <string.h>

#define FEW_KEYS      16 /* comparing each with each is quicker than a table */
#define STEPS_PER_KEY 8  /* beyond what accidents cost: somebody makes the marks meet on purpose */

void object_keys_start(struct object_keys *keys)
{
    keys->key = keys->inside;
    keys->count = keys->known = 0;
    keys->cap = OBJECT_KEYS_INSIDE;
}

void object_keys_finish(struct object_keys *keys)
{
    if (keys->key != keys->inside) {
        free(keys->key);
    }
}

bool object_keys_grow(struct object_keys *keys)
{
    bool inside = keys->key == keys->inside;
    size_t cap = keys->cap * 2;
    struct object_key *key = realloc(inside ? NULL : keys->key, cap * sizeof *key);
    if (key == NULL) {
        return false;
    }
    if (inside) {
        memcpy(key, keys->inside, sizeof keys->inside);
    }
    keys->key = key;
    keys->cap = cap;
    return true;
}

static bool same_key(const struct object_key *a, const struct object_key *b)
{
    return a->mark == b->mark && spelling_order(a->raw, a->len, b->raw, b->len) == 0;
}

static int order_keys(const void *left, const void *right)
{
    const struct object_key *a = left;
    const struct object_key *b = right;
    if (a->mark != b->mark) {
        return a->mark < b->mark ? -1 : 1;
    }
    int order = spelling_order(a->raw, a->len, b->raw, b->len);
    return order != 0 ? order : (a->raw > b->raw) - (a->raw < b->raw);
}

/* Each of these returns the key that repeats *first, or NULL. */

static const struct object_key *duplicate_of_few(const struct object_key *key, size_t count,
                                                 const struct object_key **first)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (same_key(&key[i], &key[j])) {
                *first = &key[j];
                return &key[i];
            }
        }
    }
    return NULL;
}

/* Slower than a table, whose cost has no bound when marks meet. */
static const struct object_key *duplicate_by_order(struct object_key *key, size_t count,
                                                   const struct object_key **first)
{
    qsort(key, count, sizeof *key, order_keys);
    for (size_t i = 1; i < count; i++) {
        if (same_key(&key[i - 1], &key[i])) {
            *first = &key[i - 1];
            return &key[i];
        }
    }
    return NULL;
}

static const struct object_key *duplicate_of_many(struct object_key *key, size_t count,
                                                  const struct object_key **first)
{
    size_t size = 64;
    while (size < count * 2) {
        size *= 2;
    }
    uint32_t *table = count < UINT32_MAX ? calloc(size, sizeof *table) : NULL;
    if (table == NULL) {
        return duplicate_by_order(key, count, first);
    }
    const struct object_key *found = NULL;
    size_t steps = count * STEPS_PER_KEY;
    for (size_t i = 0; i < count && found == NULL && steps > 0; i++) {
        size_t slot = spelling_mix(key[i].mark) & (size - 1);
        for (; table[slot] != 0 && steps > 0; slot = (slot + 1) & (size - 1), steps--) {
            const struct object_key *other = &key[table[slot] - 1];
            if (same_key(other, &key[i])) {
                *first = other;
                found = &key[i];
                break;
            }
        }
        if (table[slot] == 0) {
            table[slot] = (uint32_t)(i + 1);
        }
    }
    free(table);
    return steps > 0 ? found : duplicate_by_order(key, count, first);
}

bool object_keys_differ(struct object_key *key, size_t count, const struct object_key **first,
                        const struct object_key **again)
{
    *again = count <= FEW_KEYS ? duplicate_of_few(key, count, first)
                               : duplicate_of_many(key, count, first);
    return *again == NULL;
}
