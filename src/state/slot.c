#define _GNU_SOURCE
#include "state/slot.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define TRIED_SIZE ((size_t)64 << 20) /* valgrind warns of larger ones */

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void *at_address(uint64_t address)
{
    return (void *)(uintptr_t)address; /* NOLINT(performance-no-int-to-ptr) */
}

/* A kernel before 4.17 takes the address for a hint, and so do the sanitizers where it is not
 * theirs to give: then it lands elsewhere, which counts as taken. */
static bool is_free(uint64_t address, size_t size)
{
    void *base = mmap(at_address(address), size, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (base == MAP_FAILED) {
        return false;
    }
    (void)munmap(base, size);
    return base == at_address(address);
}

static bool fit(uint64_t address, size_t size)
{
    return is_free(address, size) && is_free(address + SLOT_STRIDE, size);
}

bool slots_fit(uint64_t address)
{
    return fit(address, TRIED_SIZE);
}

uint64_t slots_find_address(void)
{
    /* Below where x86-64 loads programs; the first two are what all sanitizers leave to the
     * program. Then other layouts of 47 and 48 bits, and those of 39 and 38 bits. */
    static const uint64_t candidates[] = {
        0x551000000000, 0x553000000000, 0x521000000000, 0x5A1000000000, 0x300000000000,
        0x200000000000, 0x080000000000, 0x002000000000, 0x001000000000,
    };
    /* Under `ulimit -v` the largest slot may not fit where a small one does. */
    const size_t sizes[] = {SLOT_SIZE_MAX, page_size()};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
            if (fit(candidates[i], sizes[s])) {
                return candidates[i];
            }
        }
    }
    return 0;
}

void slots_init(struct slots *slots, uint64_t address)
{
    *slots = (struct slots){.address = address, .slot = {{.fd = -1}, {.fd = -1}}};
}

/* Crossing it raises SIGXFSZ, which would end the process. */
static bool check_file_limit(size_t size, struct error *err)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur) {
        return error_set(err, ERROR_LIMIT,
                         "a state of %zu bytes is above the limit of %llu bytes for files; raise "
                         "it with ulimit -f",
                         size, (unsigned long long)limit.rlim_cur);
    }
    return true;
}

static bool map_slot(struct slot *slot, uint64_t address, size_t size, int access,
                     struct error *err)
{
    int fd = memfd_create("hotrun-state", MFD_CLOEXEC);
    if (fd < 0) {
        return error_errno(err, "no memory file for a state of %zu bytes", size);
    }
    if (ftruncate(fd, (off_t)size) != 0) {
        (void)error_errno(err, "no memory for a state of %zu bytes", size);
        goto close_file;
    }
    void *base = mmap(at_address(address), size, access, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
    bool taken = base == MAP_FAILED ? errno == EEXIST : base != at_address(address);
    if (taken) {
        (void)error_set(err, ERROR_BUSY,
                        "cannot map a state of %zu bytes at 0x%llx: something else is there", size,
                        (unsigned long long)address);
    } else if (base == MAP_FAILED) {
        (void)error_errno(err, "cannot map a state of %zu bytes at 0x%llx", size,
                          (unsigned long long)address);
    }
    if (taken || base == MAP_FAILED) {
        goto unmap;
    }
    if (madvise(base, size, MADV_DONTFORK) != 0) {
        (void)error_errno(err, "cannot keep a state of %zu bytes from forked children", size);
        goto unmap;
    }
    *slot = (struct slot){.base = base, .size = size, .fd = fd};
    return true;

unmap:
    if (base != MAP_FAILED) {
        (void)munmap(base, size);
    }
close_file:
    (void)close(fd);
    return false;
}

static size_t whole_pages(size_t size)
{
    size_t page = page_size();
    return size == 0 ? page : (size + page - 1) / page * page;
}

static bool slot_is_free(const struct slot *slot)
{
    return slot->base == NULL || slot->prepared;
}

/* A slot that was prepared for just this size is taken by giving access to it. */
static bool take_prepared(struct slots *slots, int index, size_t size)
{
    struct slot *slot = &slots->slot[index];
    if (!slot->prepared) {
        return false;
    }
    slot->prepared = false;
    if (slot->size == size && mprotect(slot->base, size, PROT_READ | PROT_WRITE) == 0) {
        return true;
    }
    slots_release(slots, index);
    return false;
}

int slots_take(struct slots *slots, size_t size, struct error *err)
{
    if (size > SLOT_SIZE_MAX) {
        (void)error_set(err, ERROR_LIMIT, "a state of %zu bytes is above the limit of %zu", size,
                        (size_t)SLOT_SIZE_MAX);
        return -1;
    }
    int index = slot_is_free(&slots->slot[0]) ? 0 : 1;
    if (!slot_is_free(&slots->slot[index])) {
        (void)error_set(err, ERROR_INTERNAL, "both places for the state are taken");
        return -1;
    }
    size_t whole = whole_pages(size);
    uint64_t address = slots->address + (uint64_t)index * SLOT_STRIDE;
    if (take_prepared(slots, index, whole)) {
        return index;
    }
    if (!check_file_limit(whole, err) ||
        !map_slot(&slots->slot[index], address, whole, PROT_READ | PROT_WRITE, err)) {
        return -1;
    }
    return index;
}

void slots_prepare(struct slots *slots, size_t size)
{
    int index = slots->slot[0].base == NULL ? 0 : 1;
    size_t whole = whole_pages(size);
    uint64_t address = slots->address + (uint64_t)index * SLOT_STRIDE;
    struct slot *slot = &slots->slot[index];
    if (slot->base == NULL && size <= SLOT_SIZE_MAX && check_file_limit(whole, NULL) &&
        map_slot(slot, address, whole, PROT_NONE, NULL)) {
        slot->prepared = true;
        (void)!pwrite(slot->fd, "", 1, 0); /* the first page is there then */
    }
}

void slots_release(struct slots *slots, int index)
{
    if (index < 0 || index > 1 || slots->slot[index].base == NULL) {
        return;
    }
    struct slot *slot = &slots->slot[index];
    (void)munmap(slot->base, slot->size);
    (void)close(slot->fd);
    *slot = (struct slot){.fd = -1};
}

void slots_finish(struct slots *slots)
{
    slots_release(slots, 0);
    slots_release(slots, 1);
}
