/* Heap objects without a loader: the C library's. Nothing is known of their types, and none needs
 * to be. */
#include "static/program.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN_MOST 4096

static void *heap_alloc(const hotrun_host *host, const void *mark, size_t element, size_t count,
                        size_t align)
{
    (void)host;
    (void)mark;
    size_t size;
    if (element == 0 || count == 0 || align == 0 || align > ALIGN_MOST ||
        (align & (align - 1)) != 0 || __builtin_mul_overflow(element, count, &size))
        return NULL;
    if (align <= _Alignof(max_align_t))
        return calloc(count, element);
    if (size > SIZE_MAX - align)
        return NULL;
    void *object = aligned_alloc(align, (size + align - 1) / align * align);
    return object ? memset(object, 0, size) : NULL;
}

static void heap_free(const hotrun_host *host, void *object)
{
    (void)host;
    free(object);
}

const hotrun_heap hotrun_static_heap = {
    .size = sizeof(hotrun_heap), .alloc = heap_alloc, .free = heap_free};
