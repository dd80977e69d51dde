/* Memory for the module's state. Each slot is a memfd of its own, mapped shared at one of two fixed
 * addresses that are the same in every host, so that pointers into the state stay right in another
 * process. While a swap builds the new state in one slot, the old one stays untouched in the other.
 * [main thread of the host] */
#ifndef STATE_SLOT_H
#define STATE_SLOT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_STRIDE   (UINT64_C(64) << 30) /* from slot A to slot B */
#define SLOT_SIZE_MAX (UINT64_C(16) << 30)

struct slot {
    void *base;  /* NULL: free */
    size_t size; /* as mapped: whole pages, at least one */
    int fd;
    bool prepared; /* mapped without access, for the next slots_take */
};

struct slots {
    uint64_t address; /* of slot A */
    struct slot slot[2];
};

/* An address where both slots fit in this process, 0x551000000000 if it can be had. 0: none. */
uint64_t slots_find_address(void);

/* Whether both slots, of some 64 MB at least, fit at `address` in this process. */
bool slots_fit(uint64_t address);

/* Nothing is mapped yet. */
void slots_init(struct slots *slots, uint64_t address);

/* Maps a free slot of at least `size` zero bytes and returns its index, 0 or 1; -1 with `err` when
 * both are taken, the size is above SLOT_SIZE_MAX or memory is refused. Size 0 maps one page. Not
 * inherited by forked children. */
int slots_take(struct slots *slots, size_t size, struct error *err);

/* Gets ready for a slots_take of the same size, so that it costs one call: maps the free slot,
 * without access. Does nothing when none is free or memory is short. */
void slots_prepare(struct slots *slots, size_t size);

/* Unmaps slot `index`; a free one is left alone. */
void slots_release(struct slots *slots, int index);

/* Releases both. */
void slots_finish(struct slots *slots);

#endif
