/* Pointers by a number. */
#ifndef BUILDER_TABLE_H
#define BUILDER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

struct table { /* all zero: empty */
    struct table_slot *slots;
    size_t size, count; /* of slots, a power of two; of those in use */
};

void *table_get(const struct table *table, uint64_t key); /* NULL: there is none */

/* Replaces what is there. `value` is not NULL. False: no memory. */
bool table_put(struct table *table, uint64_t key, void *value);

void table_remove(struct table *table, uint64_t key);

void table_finish(struct table *table); /* what it points at is not its own */

#endif
