#define _GNU_SOURCE
#include "layout/heap_parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define FIRST_MAPPED UINT64_C(0x100000)
#define MOST_AT_ONCE UINT64_C(0x40000000)
#define LARGE        UINT64_C(0x40000) /* from here on a hole is cheaper than zeros */

static uint64_t page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

bool heap_table_reach(struct heap_table *table, size_t size)
{
    if (size <= table->size) {
        return true;
    }
    size_t least = table->size * 2;
    size_t wanted = (size_t)round_up(size > least ? size : least, page_size());
    void *at = table->at == NULL ? mmap(NULL, wanted, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                                 : mremap(table->at, table->size, wanted, MREMAP_MAYMOVE);
    if (at == MAP_FAILED) {
        return false;
    }
    *table = (struct heap_table){at, wanted};
    return true;
}

void heap_table_finish(struct heap_table *table)
{
    if (table->at != NULL) {
        (void)munmap(table->at, table->size);
    }
    *table = (struct heap_table){0};
}

/* Crossing it raises SIGXFSZ, which would end the process. */
uint64_t heap_file_limit(void)
{
    struct rlimit limit;
    uint64_t page = page_size();
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 ? UINT64_MAX : limit.rlim_cur / page * page;
}

static bool map_up_to(struct heap *heap, uint64_t end)
{
    uint64_t size = end - heap->mapped;
    void *wanted = (void *)(uintptr_t)(heap->address + heap->mapped);
    if (end > heap_file_limit() ||
        !heap_table_reach(&heap->starts, (size_t)(end / HEAP_GRAIN) * sizeof(uint32_t)) ||
        ftruncate(heap->fd, (off_t)end) != 0) {
        return false;
    }
    void *at = mmap(wanted, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
                    heap->fd, (off_t)heap->mapped);
    if (at == MAP_FAILED) {
        return false;
    }
    if (at != wanted || madvise(at, (size_t)size, MADV_DONTFORK) != 0) {
        (void)munmap(at, (size_t)size);
        return false;
    }
    heap->base = (unsigned char *)(uintptr_t)heap->address;
    heap->mapped = end;
    return true;
}

bool heap_reach(struct heap *heap, uint64_t end)
{
    if (end <= heap->mapped) {
        return true;
    }
    uint64_t limit = heap_limit(heap);
    if (end > limit) {
        return false;
    }
    uint64_t page = page_size();
    uint64_t more = heap->mapped < FIRST_MAPPED   ? FIRST_MAPPED
                    : heap->mapped < MOST_AT_ONCE ? heap->mapped
                                                  : MOST_AT_ONCE;
    uint64_t wanted = round_up(heap->mapped + more, page);
    uint64_t most = round_up(limit, page);
    uint64_t least = round_up(end, page);
    wanted = wanted < most ? wanted : most;
    return (wanted > least && map_up_to(heap, wanted)) || map_up_to(heap, least);
}

/* No object begins in what is given back, so its part of the table is zero as well. */
static void forget_starts(struct heap *heap, uint64_t begin, uint64_t end)
{
    uint64_t page = page_size();
    uint64_t first = round_up(begin / HEAP_GRAIN * sizeof(uint32_t), page);
    uint64_t past = end / HEAP_GRAIN * sizeof(uint32_t) / page * page;
    if (past > first) {
        (void)madvise((char *)heap->starts.at + first, (size_t)(past - first), MADV_DONTNEED);
    }
}

bool heap_give_back(struct heap *heap, uint64_t offset, uint64_t len)
{
    uint64_t page = page_size();
    uint64_t first = round_up(offset, page);
    uint64_t past = (offset + len) / page * page;
    if (past <= first) {
        memset(heap->base + offset, 0, (size_t)len);
        return true;
    }
    if (fallocate(heap->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first,
                  (off_t)(past - first)) != 0) {
        return false;
    }
    forget_starts(heap, first, past);
    memset(heap->base + offset, 0, (size_t)(first - offset));
    memset(heap->base + past, 0, (size_t)(offset + len - past));
    return true;
}

void heap_clear(struct heap *heap, uint64_t offset, uint64_t len)
{
    if (len < LARGE || !heap_give_back(heap, offset, len)) {
        memset(heap->base + offset, 0, (size_t)len);
    }
}
