/* The inside of a heap. Its bytes are cut into blocks that lie side by side from its address on,
 * each an object or free, two free ones never beside each other, and none at the end. Free ones are
 * kept in bins by their size. All numbers and sizes are of this process alone; nothing of it lies
 * among the module's bytes. */
#ifndef LAYOUT_HEAP_PARTS_H
#define LAYOUT_HEAP_PARTS_H

#include "layout/heap.h"

#define HEAP_GRAIN      16 /* each block begins at, and has, a multiple of this */
#define HEAP_SLICES     16 /* bins of a level: sizes that share their highest bit */
#define HEAP_LEVELS     28 /* up to HEAP_SIZE_MAX */
#define HEAP_ALIGN_MOST 4096

struct heap_block { /* number 0 is none */
    uint64_t offset, len;
    uint32_t before, after; /* its neighbours */
    uint32_t taken, hidden;
    union {
        struct {
            uint64_t size, count, mark;
            uint32_t type, align;
        } object;
        struct {
            uint64_t dirty;         /* at most so many of its bytes are not zero */
            uint32_t before, after; /* in its bin; of a spare number, `after` is the next one */
        } empty;
    };
};

struct heap_head { /* what heap_pieces writes: this, the objects by offset, zeros up to a multiple
                      of HEAP_GRAIN, the bytes */
    char magic[8];
    uint64_t address, count, size;
    uint64_t gap, gap_len; /* offset and length of what is left out of the bytes */
    uint64_t reserved[2];
};

struct heap_table { /* zeroed memory that grows without copies */
    void *at;
    size_t size;
};

struct heap {
    uint64_t address, limit;
    int fd;
    unsigned char *base; /* `address` */
    uint64_t mapped;     /* so many bytes are there */
    uint64_t used;       /* where the last object's block ends */
    uint64_t clean;      /* all bytes from here on are zero */

    struct heap_table blocks; /* struct heap_block */
    struct heap_table starts; /* uint32_t for each grain: number of the object that begins there */
    uint32_t numbers;         /* given out so far, spare ones included */
    uint32_t spare, last;

    uint32_t levels; /* bits: which have a bin that is not empty */
    uint32_t slices[HEAP_LEVELS];
    uint32_t bins[HEAP_LEVELS][HEAP_SLICES];

    uint64_t count, total;      /* of what is not hidden */
    uint64_t hidden;            /* bytes of blocks that are */
    bool in_line;               /* free blocks are left alone */
    struct heap_object *sorted; /* what heap_sorted made */
    size_t sorted_cap;
    bool sorted_is_new;
    struct heap_head head; /* of the last heap_pieces */
};

static inline struct heap_block *heap_block(const struct heap *heap, uint32_t number)
{
    return (struct heap_block *)heap->blocks.at + number;
}

/* What is hidden takes nothing from the module. */
static inline uint64_t heap_limit(const struct heap *heap)
{
    uint64_t limit = heap->limit + heap->hidden;
    return limit < HEAP_SIZE_MAX ? limit : HEAP_SIZE_MAX;
}

/* ---- memory (heap_memory.c) ---- */

bool heap_table_reach(struct heap_table *table, size_t size); /* false: no memory */
void heap_table_finish(struct heap_table *table);

/* Of the file that the bytes are in: whole pages. */
uint64_t heap_file_limit(void);

/* Bytes up to `end`, and what is known of them, are there. False: they cannot be had. */
bool heap_reach(struct heap *heap, uint64_t end);

/* Makes bytes zero; large stretches by giving them back. */
void heap_clear(struct heap *heap, uint64_t offset, uint64_t len);

/* Makes them zero and gives whole pages back to the system. False: they stay as they are. */
bool heap_give_back(struct heap *heap, uint64_t offset, uint64_t len);

/* ---- blocks (heap_blocks.c) ---- */

/* A block of `len` zero bytes at a multiple of `align`; 0: no room. */
uint32_t heap_blocks_take(struct heap *heap, uint64_t len, uint64_t align);

void heap_blocks_release(struct heap *heap, uint32_t number);

/* ---- the objects by offset, heap->count of them (heap.c); there is room for one more ---- */

struct heap_object *heap_sorted(struct heap *heap); /* the heap's; NULL: no memory */

#endif
