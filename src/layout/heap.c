#define _GNU_SOURCE
#include "layout/heap.h"

#include "base/array.h"
#include "layout/heap_parts.h"
#include "layout/layout.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct heap *heap_create(uint64_t address, uint64_t limit, struct error *err)
{
    struct heap *heap = calloc(1, sizeof *heap);
    if (heap == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory for heap objects");
        return NULL;
    }
    heap->address = address;
    heap->limit = limit < HEAP_SIZE_MAX ? limit : HEAP_SIZE_MAX;
    heap->fd = memfd_create("hotrun-heap", MFD_CLOEXEC);
    if (heap->fd < 0) {
        (void)error_errno(err, "no memory file for heap objects");
        free(heap);
        return NULL;
    }
    return heap;
}

void heap_destroy(struct heap *heap)
{
    if (heap == NULL) {
        return;
    }
    if (heap->mapped > 0) {
        (void)munmap(heap->base, (size_t)heap->mapped);
    }
    (void)close(heap->fd);
    heap_table_finish(&heap->blocks);
    heap_table_finish(&heap->starts);
    free(heap->sorted);
    free(heap);
}

static uint32_t *start_at(const struct heap *heap, uint64_t offset)
{
    return (uint32_t *)heap->starts.at + offset / HEAP_GRAIN;
}

/* What an object takes. Behind an array at least one byte is nobody's: its end, which loops compare
 * with, is then never taken for the next object. 0: no such object. */
static uint64_t len_of(uint64_t size, uint64_t count, uint64_t align)
{
    uint64_t len;
    if (size == 0 || count == 0 || align == 0 || align > HEAP_ALIGN_MOST ||
        (align & (align - 1)) != 0 || __builtin_mul_overflow(size, count, &len) ||
        len > HEAP_SIZE_MAX) {
        return 0;
    }
    len += count > 1;
    return (len + HEAP_GRAIN - 1) / HEAP_GRAIN * HEAP_GRAIN;
}

static void *settle(struct heap *heap, uint32_t number, const struct heap_object *object)
{
    struct heap_block *block = heap_block(heap, number);
    block->object.size = object->size;
    block->object.count = object->count;
    block->object.type = object->type;
    block->object.align = object->align;
    block->object.mark = object->mark;
    block->hidden = 0;
    *start_at(heap, block->offset) = number;
    heap->count++;
    heap->total += object->size * object->count;
    heap->sorted_is_new = false;
    return heap->base + block->offset;
}

void *heap_alloc(struct heap *heap, uint32_t type, uint64_t mark, size_t size, size_t count,
                 size_t align)
{
    uint64_t len = len_of(size, count, align);
    uint32_t number = len == 0 ? 0 : heap_blocks_take(heap, len, align);
    return number == 0 ? NULL
                       : settle(heap, number,
                                &(struct heap_object){0, size, count, type, (uint32_t)align,
                                                      type == LAYOUT_NONE ? mark : 0});
}

bool heap_explain(const struct heap *heap, uint64_t size, uint64_t count, struct error *err)
{
    uint64_t len, end, file = heap_file_limit();
    if (__builtin_mul_overflow(size, count, &len) ||
        __builtin_add_overflow(heap->used, len, &end) || end > heap_limit(heap)) {
        return error_set(err, ERROR_LIMIT,
                         "objects may take %llu bytes (state.max_size), and have %llu: raise the "
                         "limit",
                         (unsigned long long)heap->limit, (unsigned long long)heap->total);
    }
    if (end > file) {
        return error_set(
            err, ERROR_LIMIT,
            "%llu bytes are above the limit of %llu for files: raise it with ulimit -f",
            (unsigned long long)end, (unsigned long long)file);
    }
    return error_set(err, ERROR_SYSTEM,
                     "the system gives no memory beside the %llu bytes they have",
                     (unsigned long long)heap->total);
}

/* ---- freeing ---- */

/* The number of the object that begins there; 0: none does. */
static uint32_t object_at(const struct heap *heap, const void *address)
{
    uint64_t offset = (uint64_t)(uintptr_t)address - heap->address;
    return offset < heap->used && offset % HEAP_GRAIN == 0 ? *start_at(heap, offset) : 0;
}

static void show(struct heap *heap, struct heap_block *block, bool shown)
{
    uint64_t bytes = block->object.size * block->object.count;
    if (shown == !block->hidden) {
        return;
    }
    block->hidden = !shown;
    heap->count += shown ? 1 : UINT64_MAX;
    heap->total += shown ? bytes : -bytes;
    heap->hidden += shown ? -block->len : block->len;
    heap->sorted_is_new = false;
}

bool heap_free(struct heap *heap, const void *address)
{
    uint32_t number = object_at(heap, address);
    if (number == 0) {
        return false;
    }
    struct heap_block *block = heap_block(heap, number);
    show(heap, block, true);
    *start_at(heap, block->offset) = 0;
    heap->count--;
    heap->total -= block->object.size * block->object.count;
    heap->sorted_is_new = false;
    heap_blocks_release(heap, number);
    return true;
}

void heap_hide(struct heap *heap, const void *address, bool hidden)
{
    uint32_t number = object_at(heap, address);
    if (number != 0) {
        show(heap, heap_block(heap, number), !hidden);
    }
}

void heap_line_up(struct heap *heap, bool in_line)
{
    heap->in_line = in_line;
}

enum heap_mistake heap_mistake(const struct heap *heap, const void *address)
{
    uint64_t offset = (uint64_t)(uintptr_t)address - heap->address;
    if (offset >= heap->mapped) {
        return HEAP_FOREIGN;
    }
    if (offset >= heap->used) {
        return HEAP_FREED;
    }
    uint64_t grain = offset / HEAP_GRAIN;
    while (grain > 0 && *start_at(heap, grain * HEAP_GRAIN) == 0) {
        grain--;
    }
    uint32_t number = *start_at(heap, grain * HEAP_GRAIN);
    const struct heap_block *block = heap_block(heap, number);
    return number != 0 && offset - block->offset < block->object.size * block->object.count
               ? HEAP_INSIDE
               : HEAP_FREED;
}

/* ---- types ---- */

void heap_resolve(struct heap *heap, const struct layout *layout)
{
    for (uint32_t i = 1; i <= heap->numbers; i++) {
        struct heap_block *block = heap_block(heap, i);
        if (!block->taken || block->object.mark == 0) {
            continue;
        }
        uint32_t type = layout_mark_at(layout, block->object.mark);
        if (type != LAYOUT_NONE && layout->types[type].size == block->object.size) {
            block->object.type = type;
            block->object.mark = 0;
            heap->sorted_is_new = false;
        }
    }
}

void heap_retype(struct heap *heap, const uint32_t *types, size_t count)
{
    for (uint32_t i = 1; i <= heap->numbers; i++) {
        struct heap_block *block = heap_block(heap, i);
        if (block->taken) {
            uint32_t old = block->object.type;
            block->object.type = old < count ? types[old] : LAYOUT_NONE;
            block->object.mark = 0;
        }
    }
    heap->sorted_is_new = false;
}

/* ---- what there is ---- */

uint64_t heap_count(const struct heap *heap)
{
    return heap->count;
}

uint64_t heap_total(const struct heap *heap)
{
    return heap->total;
}

uint64_t heap_address(const struct heap *heap)
{
    return heap->address;
}

struct heap_object *heap_sorted(struct heap *heap)
{
    if (heap->sorted_is_new) {
        return heap->sorted;
    }
    if (!array_reserve(&heap->sorted, &heap->sorted_cap, heap->count + 1, sizeof *heap->sorted)) {
        return NULL;
    }
    struct heap_object *at = heap->sorted + heap->count;
    for (uint32_t i = heap->last; i != 0; i = heap_block(heap, i)->before) {
        const struct heap_block *block = heap_block(heap, i);
        if (block->taken && !block->hidden) {
            *--at =
                (struct heap_object){block->offset,      block->object.size,  block->object.count,
                                     block->object.type, block->object.align, block->object.mark};
        }
    }
    heap->sorted_is_new = true;
    return heap->sorted;
}
