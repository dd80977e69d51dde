#define _GNU_SOURCE
#include "state/slot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static size_t page;

static bool is_mapped(void *base)
{
    return msync(base, page, MS_ASYNC) == 0;
}

static int open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    int count = 0;
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count;
}

static struct slots fresh(void)
{
    uint64_t address = slots_find_address();
    assert_int_not_equal(address, 0);
    struct slots slots;
    slots_init(&slots, address);
    return slots;
}

static void *address_of(const struct slots *slots, int index)
{
    return (void *)(uintptr_t)(slots->address + (uint64_t)index * SLOT_STRIDE);
}

static void the_usual_address_is_found_and_left_unmapped(void **state)
{
    (void)state;
    uint64_t address = slots_find_address();
    assert_int_equal(address, 0x551000000000);
    assert_false(is_mapped((void *)(uintptr_t)address));
    assert_false(is_mapped((void *)(uintptr_t)(address + SLOT_STRIDE)));
    assert_int_equal(slots_find_address(), address);
}

static void another_address_is_found_when_one_place_is_taken(void **state)
{
    (void)state;
    uint64_t usual = slots_find_address();
    for (int index = 0; index < 2; index++) {
        void *place = (void *)(uintptr_t)(usual + (uint64_t)index * SLOT_STRIDE);
        void *base =
            mmap(place, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        assert_ptr_equal(base, place);
        assert_false(slots_fit(usual));
        uint64_t other = slots_find_address();
        assert_int_not_equal(other, 0);
        assert_int_not_equal(other, usual);
        assert_true(slots_fit(other));
        struct slots slots;
        slots_init(&slots, other);
        struct error err = {0};
        assert_int_equal(slots_take(&slots, 1, &err), 0);
        assert_int_equal(slots_take(&slots, 1, &err), 1);
        slots_finish(&slots);
        assert_int_equal(munmap(base, page), 0);
    }
}

static void slots_are_taken_at_their_addresses_and_zeroed(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    const size_t sizes[] = {3 * page + 1, 100};
    for (int index = 0; index < 2; index++) {
        assert_int_equal(slots_take(&slots, sizes[index], &err), index);
        const struct slot *slot = &slots.slot[index];
        assert_ptr_equal(slot->base, address_of(&slots, index));
        assert_int_equal(slot->size, (sizes[index] + page - 1) / page * page);
        const unsigned char *bytes = slot->base;
        for (size_t i = 0; i < slot->size; i++) {
            assert_int_equal(bytes[i], 0);
        }
        memset(slot->base, 0x5A + index, slot->size);
    }
    assert_int_equal(*(unsigned char *)slots.slot[0].base, 0x5A);
    slots_finish(&slots);
}

static void size_0_maps_one_page(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    assert_int_equal(slots_take(&slots, 0, &err), 0);
    assert_int_equal(slots.slot[0].size, page);
    slots_finish(&slots);
}

static void a_taken_slot_is_a_file_of_its_own_that_exec_closes(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    assert_int_equal(slots_take(&slots, 10, &err), 0);
    assert_int_equal(slots_take(&slots, 10, &err), 1);
    assert_int_not_equal(slots.slot[0].fd, slots.slot[1].fd);
    assert_true((fcntl(slots.slot[0].fd, F_GETFD) & FD_CLOEXEC) != 0);
    memcpy(slots.slot[0].base, "state", 5);
    char seen[5];
    assert_int_equal(pread(slots.slot[0].fd, seen, sizeof seen, 0), 5);
    assert_memory_equal(seen, "state", 5);
    slots_finish(&slots);
}

static void a_third_slot_is_refused(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    assert_int_equal(slots_take(&slots, 1, &err), 0);
    assert_int_equal(slots_take(&slots, 1, &err), 1);
    assert_int_equal(slots_take(&slots, 1, &err), -1);
    assert_string_equal(err.text, "both places for the state are taken");
    slots_finish(&slots);
}

static void a_released_slot_is_unmapped_and_comes_back_zeroed(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    assert_int_equal(slots_take(&slots, 1, &err), 0);
    assert_int_equal(slots_take(&slots, 1, &err), 1);
    void *base = slots.slot[0].base;
    memset(base, 1, page);
    slots_release(&slots, 0);
    assert_false(is_mapped(base));
    assert_null(slots.slot[0].base);
    assert_int_equal(slots.slot[0].fd, -1);
    assert_true(is_mapped(slots.slot[1].base));
    assert_int_equal(slots_take(&slots, 1, &err), 0);
    assert_int_equal(*(unsigned char *)base, 0);
    slots_finish(&slots);
}

static void releasing_a_free_slot_or_none_does_nothing(void **state)
{
    (void)state;
    struct slots slots = fresh();
    int files = open_files();
    slots_release(&slots, 0);
    slots_release(&slots, 1);
    slots_release(&slots, -1);
    slots_release(&slots, 2);
    slots_finish(&slots);
    slots_finish(&slots);
    assert_int_equal(open_files(), files);
}

static void a_size_above_the_limit_is_refused(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    assert_int_equal(slots_take(&slots, SLOT_SIZE_MAX + 1, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(slots_take(&slots, SIZE_MAX, &err), -1);
    assert_string_equal(err.text, "a state of 18446744073709551615 bytes is above the limit of "
                                  "17179869184");
    assert_null(slots.slot[0].base);
}

static void a_place_that_something_else_has_is_not_overwritten(void **state)
{
    (void)state;
    struct slots slots = fresh();
    int files = open_files();
    char *taken = mmap(address_of(&slots, 0), page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert_ptr_equal(taken, address_of(&slots, 0));
    taken[0] = 'x';
    struct error err = {0};
    assert_int_equal(slots_take(&slots, 1, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.text, "0x551000000000: something else is there"));
    assert_int_equal(taken[0], 'x');
    assert_int_equal(open_files(), files);
    assert_int_equal(munmap(taken, page), 0);
    assert_int_equal(slots_take(&slots, 1, &err), 0);
    slots_finish(&slots);
}

/* Lowers a limit of this process for one call of slots_take. */
static int take_under_limit(struct slots *slots, size_t size, int resource, rlim_t most,
                            struct error *err)
{
    struct rlimit old;
    assert_int_equal(getrlimit((unsigned)resource, &old), 0);
    struct rlimit low = {.rlim_cur = most, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit((unsigned)resource, &low), 0);
    int index = slots_take(slots, size, err);
    assert_int_equal(setrlimit((unsigned)resource, &old), 0);
    return index;
}

static void refused_memory_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    struct slots slots = fresh();
    int files = open_files();
    struct error err = {0};
    assert_int_equal(take_under_limit(&slots, 4096, RLIMIT_AS, 4096, &err), -1);
    assert_int_equal(err.code, ERROR_SYSTEM);
    assert_non_null(strstr(err.text, strerror(ENOMEM)));
    assert_null(slots.slot[0].base);
    assert_int_equal(open_files(), files);
}

static void a_state_above_the_limit_for_files_is_refused_without_a_signal(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    assert_int_equal(take_under_limit(&slots, 1 << 20, RLIMIT_FSIZE, 4096, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "ulimit -f"));
}

static void a_forked_child_does_not_inherit_the_state(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    assert_int_equal(slots_take(&slots, 1, &err), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(is_mapped(slots.slot[0].base) ? 1 : 42);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    slots_finish(&slots);
}

static void the_largest_slots_fit_side_by_side(void **state)
{
    (void)state;
    struct slots slots = fresh();
    struct error err = {0};
    assert_int_equal(slots_take(&slots, SLOT_SIZE_MAX, &err), 0);
    assert_int_equal(slots_take(&slots, SLOT_SIZE_MAX, &err), 1);
    ((char *)slots.slot[0].base)[SLOT_SIZE_MAX - 1] = 1;
    assert_int_equal(((char *)slots.slot[1].base)[0], 0);
    slots_finish(&slots);
}

int main(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_address_is_found_and_left_unmapped),
        cmocka_unit_test(another_address_is_found_when_one_place_is_taken),
        cmocka_unit_test(slots_are_taken_at_their_addresses_and_zeroed),
        cmocka_unit_test(size_0_maps_one_page),
        cmocka_unit_test(a_taken_slot_is_a_file_of_its_own_that_exec_closes),
        cmocka_unit_test(a_third_slot_is_refused),
        cmocka_unit_test(a_released_slot_is_unmapped_and_comes_back_zeroed),
        cmocka_unit_test(releasing_a_free_slot_or_none_does_nothing),
        cmocka_unit_test(a_size_above_the_limit_is_refused),
        cmocka_unit_test(a_place_that_something_else_has_is_not_overwritten),
        cmocka_unit_test(refused_memory_is_an_error_and_leaks_nothing),
        cmocka_unit_test(a_state_above_the_limit_for_files_is_refused_without_a_signal),
        cmocka_unit_test(a_forked_child_does_not_inherit_the_state),
        cmocka_unit_test(the_largest_slots_fit_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
