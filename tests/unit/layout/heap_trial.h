/* A heap of its own for each test. */
#ifndef TESTS_LAYOUT_HEAP_TRIAL_H
#define TESTS_LAYOUT_HEAP_TRIAL_H

#include "layout/heap.h"

#include "drafts.h"

#include <stdbool.h>

#define ADDRESS UINT64_C(0x551800000000)

static struct error err;
static struct heap *heap;

static inline int setup(void **state)
{
    (void)state;
    err = (struct error){0};
    heap = heap_create(ADDRESS, HEAP_SIZE_MAX, &err);
    return heap == NULL ? -1 : 0;
}

static inline int teardown(void **state)
{
    (void)state;
    heap_destroy(heap);
    heap = NULL;
    return 0;
}

static inline void *make(size_t size, size_t count)
{
    return heap_alloc(heap, 7, 0, size, count, 8);
}

static inline uint64_t offset_of(const void *address)
{
    return (uint64_t)(uintptr_t)address - ADDRESS;
}

static inline bool is_zero(const void *at, size_t len)
{
    const unsigned char *bytes = at;
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
