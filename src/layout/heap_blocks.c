#define _GNU_SOURCE
#include "layout/heap_parts.h"

#include <string.h>
#include <sys/mman.h>

#define GIVEN_BACK   UINT64_C(0x100000) /* so many dirty bytes of a free block go to the system */
#define TRIED        8                  /* blocks of a bin that may be too small */
#define NUMBERS_KEPT 4096               /* of an empty heap */

/* ---- bins ---- */

struct place {
    uint32_t level, slice;
};

/* Sizes below HEAP_SLICES grains have a bin each; above, those between two powers of two share
 * HEAP_SLICES bins. */
static struct place place_of(uint64_t grains)
{
    if (grains < HEAP_SLICES) {
        return (struct place){0, (uint32_t)grains};
    }
    uint32_t bit = 63 - (uint32_t)__builtin_clzll(grains);
    return (struct place){bit - 3, (uint32_t)(grains >> (bit - 4)) & (HEAP_SLICES - 1)};
}

static void put(struct heap *heap, uint32_t number)
{
    struct heap_block *block = heap_block(heap, number);
    struct place at = place_of(block->len / HEAP_GRAIN);
    uint32_t next = heap->bins[at.level][at.slice];
    block->taken = 0;
    block->empty.before = 0;
    block->empty.after = next;
    if (next != 0) {
        heap_block(heap, next)->empty.before = number;
    }
    heap->bins[at.level][at.slice] = number;
    heap->slices[at.level] |= 1U << at.slice;
    heap->levels |= 1U << at.level;
}

static void pull(struct heap *heap, uint32_t number)
{
    struct heap_block *block = heap_block(heap, number);
    struct place at = place_of(block->len / HEAP_GRAIN);
    if (block->empty.after != 0) {
        heap_block(heap, block->empty.after)->empty.before = block->empty.before;
    }
    if (block->empty.before != 0) {
        heap_block(heap, block->empty.before)->empty.after = block->empty.after;
        return;
    }
    heap->bins[at.level][at.slice] = block->empty.after;
    if (block->empty.after == 0) {
        heap->slices[at.level] &= ~(1U << at.slice);
        if (heap->slices[at.level] == 0) {
            heap->levels &= ~(1U << at.level);
        }
    }
}

/* A free block of at least `len` bytes: the first few of the bin that may have smaller ones, too,
 * so that what was freed is found by the next one of its size; then any of a larger bin. */
static uint32_t find(const struct heap *heap, uint64_t len)
{
    struct place at = place_of(len / HEAP_GRAIN);
    unsigned tried = 0;
    for (uint32_t i = heap->bins[at.level][at.slice]; i != 0 && tried++ < TRIED;
         i = heap_block(heap, i)->empty.after) {
        if (heap_block(heap, i)->len >= len) {
            return i;
        }
    }
    uint32_t slices = heap->slices[at.level] & (~0U << 1 << at.slice);
    if (slices == 0) {
        uint32_t levels = heap->levels & (~0U << 1 << at.level);
        if (levels == 0) {
            return 0;
        }
        at.level = (uint32_t)__builtin_ctz(levels);
        slices = heap->slices[at.level];
    }
    return heap->bins[at.level][__builtin_ctz(slices)];
}

/* ---- numbers ---- */

/* Room for `more` numbers, so that what follows cannot fail half done. */
static bool have_numbers(struct heap *heap, uint32_t more)
{
    size_t size = ((size_t)heap->numbers + more + 1) * sizeof(struct heap_block);
    return heap->numbers < UINT32_MAX - more && heap_table_reach(&heap->blocks, size);
}

static uint32_t new_number(struct heap *heap)
{
    uint32_t number = heap->spare;
    if (number == 0) {
        return ++heap->numbers;
    }
    heap->spare = heap_block(heap, number)->empty.after;
    return number;
}

static void drop_number(struct heap *heap, uint32_t number)
{
    struct heap_block *block = heap_block(heap, number);
    *block = (struct heap_block){.empty.after = heap->spare};
    heap->spare = number;
}

/* ---- neighbours ---- */

static uint32_t insert_after(struct heap *heap, uint32_t number, uint64_t offset, uint64_t len)
{
    uint32_t fresh = new_number(heap);
    uint32_t after = number == 0 ? 0 : heap_block(heap, number)->after;
    *heap_block(heap, fresh) =
        (struct heap_block){.offset = offset, .len = len, .before = number, .after = after};
    if (number != 0) {
        heap_block(heap, number)->after = fresh;
    }
    if (after != 0) {
        heap_block(heap, after)->before = fresh;
    } else {
        heap->last = fresh;
    }
    return fresh;
}

static void remove_from_row(struct heap *heap, uint32_t number)
{
    struct heap_block *block = heap_block(heap, number);
    if (block->before != 0) {
        heap_block(heap, block->before)->after = block->after;
    }
    if (block->after != 0) {
        heap_block(heap, block->after)->before = block->before;
    } else {
        heap->last = block->before;
    }
    drop_number(heap, number);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Takes a part of a free block; what is before and behind it stays free. */
static uint32_t carve(struct heap *heap, uint32_t number, uint64_t offset, uint64_t len)
{
    pull(heap, number);
    struct heap_block whole = *heap_block(heap, number);
    uint64_t front = offset - whole.offset;
    uint64_t tail = whole.len - front - len;
    uint32_t taken = number;
    if (front > 0) {
        heap_block(heap, number)->len = front;
        heap_block(heap, number)->empty.dirty = least(whole.empty.dirty, front);
        put(heap, number);
        taken = insert_after(heap, number, offset, len);
    }
    heap_block(heap, taken)->len = len;
    heap_block(heap, taken)->taken = 1;
    if (tail > 0) {
        uint32_t rest = insert_after(heap, taken, offset + len, tail);
        heap_block(heap, rest)->empty.dirty = least(whole.empty.dirty, tail);
        put(heap, rest);
    }
    if (whole.empty.dirty > 0) {
        heap_clear(heap, offset, len);
    }
    return taken;
}

/* Takes bytes behind the last block, at or behind its end; what lies between becomes free. */
static uint32_t append(struct heap *heap, uint64_t offset, uint64_t len)
{
    if (!heap_reach(heap, offset + len)) {
        return 0;
    }
    if (offset > heap->used) {
        uint64_t gap = offset - heap->used;
        uint32_t between = insert_after(heap, heap->last, heap->used, gap);
        heap_block(heap, between)->empty.dirty =
            heap->clean > heap->used ? least(gap, heap->clean - heap->used) : 0;
        put(heap, between);
    }
    uint32_t number = insert_after(heap, heap->last, offset, len);
    heap_block(heap, number)->taken = 1;
    if (heap->clean > offset) {
        heap_clear(heap, offset, least(len, heap->clean - offset));
    }
    heap->used = offset + len;
    heap->clean = heap->clean > heap->used ? heap->clean : heap->used;
    return number;
}

uint32_t heap_blocks_take(struct heap *heap, uint64_t len, uint64_t align)
{
    uint64_t slack = align > HEAP_GRAIN ? align - HEAP_GRAIN : 0;
    if (len > heap_limit(heap) || !have_numbers(heap, 2)) {
        return 0;
    }
    uint32_t number = heap->in_line ? 0 : find(heap, len + slack);
    uint64_t begin = number != 0 ? heap_block(heap, number)->offset : heap->used;
    uint64_t offset = (begin + align - 1) / align * align;
    return number != 0 ? carve(heap, number, offset, len) : append(heap, offset, len);
}

/* ---- releasing ---- */

static void give_back_end(struct heap *heap)
{
    uint64_t dirty = heap->clean - heap->used;
    if (dirty >= GIVEN_BACK && heap_give_back(heap, heap->used, dirty)) {
        heap->clean = heap->used;
    }
    if (heap->used == 0 && heap->numbers > NUMBERS_KEPT) {
        (void)madvise(heap->blocks.at, heap->blocks.size, MADV_DONTNEED);
        heap->numbers = heap->spare = 0;
    }
}

static void give_back(struct heap *heap, uint32_t number)
{
    struct heap_block *block = heap_block(heap, number);
    if (block->empty.dirty >= GIVEN_BACK && heap_give_back(heap, block->offset, block->len)) {
        block->empty.dirty = 0;
    }
}

static void join(struct heap *heap, uint32_t number, uint32_t after)
{
    heap_block(heap, number)->len += heap_block(heap, after)->len;
    heap_block(heap, number)->empty.dirty += heap_block(heap, after)->empty.dirty;
    remove_from_row(heap, after);
}

void heap_blocks_release(struct heap *heap, uint32_t number)
{
    struct heap_block *block = heap_block(heap, number);
    uint32_t before = block->before;
    uint32_t after = block->after;
    block->taken = 0;
    block->empty.dirty = block->len;
    if (after != 0 && !heap_block(heap, after)->taken) {
        pull(heap, after);
        join(heap, number, after);
    }
    if (before != 0 && !heap_block(heap, before)->taken) {
        pull(heap, before);
        join(heap, before, number);
        number = before;
    }
    if (heap_block(heap, number)->after == 0) {
        heap->used = heap_block(heap, number)->offset;
        remove_from_row(heap, number);
        give_back_end(heap);
        return;
    }
    give_back(heap, number);
    put(heap, number);
}
