#define _GNU_SOURCE
#include "heap_trial.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB ((size_t)1 << 20)

/* Bytes of memory that a file without a name in this process has: the heap's. */
static uint64_t resident(void)
{
    for (int fd = 3; fd < 64; fd++) {
        char path[64], name[64] = "";
        struct stat st;
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, name, sizeof name - 1) > 0 && strstr(name, "hotrun-heap") != NULL &&
            fstat(fd, &st) == 0) {
            return (uint64_t)st.st_blocks * 512;
        }
    }
    return 0;
}

static void objects_lie_from_the_fixed_address_on_and_are_zero(void **state)
{
    (void)state;
    char *first = make(24, 1);
    char *second = make(24, 1);
    assert_int_equal(offset_of(first), 0);
    assert_int_equal(offset_of(second), 32);
    assert_true(is_zero(first, 24) && is_zero(second, 24));
    assert_int_equal(heap_count(heap), 2);
    assert_int_equal(heap_total(heap), 48);
    assert_int_equal(heap_address(heap), ADDRESS);
}

static void memory_that_was_freed_is_used_again_and_zero(void **state)
{
    (void)state;
    char *first = make(100, 1);
    char *second = make(100, 1);
    (void)make(1, 1);
    memset(first, 1, 100);
    memset(second, 1, 100);
    assert_true(heap_free(heap, first));
    assert_ptr_equal(make(100, 1), first);
    assert_true(is_zero(first, 100));
    assert_true(heap_free(heap, first));
    assert_true(heap_free(heap, second));
    char *joined = make(210, 1); /* larger than each */
    assert_ptr_equal(joined, first);
    assert_true(is_zero(joined, 210));
}

static void an_object_that_has_just_the_size_of_a_free_one_fits_there(void **state)
{
    (void)state;
    for (size_t size = 16; size < 100000; size += 16 + size / 7) {
        char *hole = make(size, 1);
        (void)make(1, 1);
        assert_true(heap_free(heap, hole));
        assert_ptr_equal(make(size, 1), hole);
    }
}

static void frees_of_what_is_no_object_are_recognised(void **state)
{
    (void)state;
    char *array = make(8, 10);
    char *freed = make(50, 1);
    char *last = make(50, 1);
    int foreign = 0;
    assert_true(heap_free(heap, freed));
    assert_false(heap_free(heap, freed));
    assert_int_equal(heap_mistake(heap, freed), HEAP_FREED);
    assert_false(heap_free(heap, array + 16));
    assert_false(heap_free(heap, array + 3));
    assert_int_equal(heap_mistake(heap, array + 16), HEAP_INSIDE);
    assert_false(heap_free(heap, &foreign));
    assert_false(heap_free(heap, (void *)(uintptr_t)(ADDRESS - 16)));
    assert_false(heap_free(heap, NULL));
    assert_int_equal(heap_mistake(heap, &foreign), HEAP_FOREIGN);
    assert_true(heap_free(heap, last));
    assert_false(heap_free(heap, last));
    assert_int_equal(heap_mistake(heap, last), HEAP_FREED);
    assert_int_equal(heap_count(heap), 1);
    assert_int_equal(heap_total(heap), 80);
}

static void sizes_that_are_none_get_no_object(void **state)
{
    (void)state;
    assert_null(make(0, 1));
    assert_null(make(1, 0));
    assert_null(make(SIZE_MAX, 2));
    assert_null(make((size_t)1 << 33, (size_t)1 << 33));
    assert_null(make(SIZE_MAX, 1));
    assert_null(heap_alloc(heap, 7, 0, 8, 1, 0));
    assert_null(heap_alloc(heap, 7, 0, 8, 1, 3));
    assert_null(heap_alloc(heap, 7, 0, 8, 1, 8192));
    assert_int_equal(heap_count(heap), 0);
}

static void each_alignment_up_to_a_page_is_kept(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t align = 1; align <= 4096; align *= 2) {
            char *object = heap_alloc(heap, 7, 0, 40, 1, align);
            assert_int_equal((uintptr_t)object % align, 0);
            assert_true(is_zero(object, 40));
            memset(object, 1, 40);
            if (align % 3 == round) {
                assert_true(heap_free(heap, object));
            }
        }
    }
}

static void the_limit_is_kept(void **state)
{
    (void)state;
    heap_destroy(heap);
    heap = heap_create(ADDRESS, 3 * MB, &err);
    char *first = make(MB, 1);
    assert_non_null(first);
    assert_null(make(2 * MB + 1, 1));
    assert_non_null(make(2 * MB, 1));
    assert_null(make(1, 1));
    assert_true(heap_free(heap, first));
    assert_non_null(make(1, 1));
}

static void a_large_array_costs_what_is_touched(void **state)
{
    (void)state;
    char *large = make(1, (size_t)8 << 30);
    assert_non_null(large);
    uint64_t before = resident();
    large[(size_t)5 << 30] = 1;
    assert_in_range(resident(), before, before + MB);
    assert_non_null(make(16, 1));
    assert_true(heap_free(heap, large));
    assert_true(make(1, (size_t)8 << 30) == large);
    assert_int_equal(large[(size_t)5 << 30], 0);
}

static void what_is_freed_goes_back_to_the_system(void **state)
{
    (void)state;
    char *nodes[20000];
    char *large = make(10 * MB, 1);
    memset(large, 1, 10 * MB);
    for (size_t i = 0; i < 20000; i++) {
        nodes[i] = make(1000, 1);
        memset(nodes[i], 1, 1000);
    }
    char *last = make(16, 1);
    assert_true(resident() > 28 * MB);
    assert_true(heap_free(heap, large));
    assert_true(resident() < 22 * MB);
    for (size_t i = 0; i < 20000; i++) {
        assert_true(heap_free(heap, nodes[i]));
    }
    assert_true(resident() < 2 * MB);
    assert_true(heap_free(heap, last));
    large = make(30 * MB, 1);
    assert_true(is_zero(large, 30 * MB));
}

static void what_the_system_refuses_is_no_object_and_no_signal(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {8 * MB, 8 * MB};
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        bool ok = make(20 * MB, 1) == NULL && make(7 * MB, 1) != NULL && make(MB, 2) == NULL;
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool is_explained(size_t size, const char *word)
{
    struct error why = {0};
    return make(size, 1) == NULL && !heap_explain(heap, size, 1, &why) &&
           strstr(why.text, word) != NULL;
}

static void why_there_is_no_room_is_told(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {8 * MB, 8 * MB};
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        bool ok = is_explained(2 * HEAP_SIZE_MAX, "state.max_size") &&
                  is_explained(HEAP_SIZE_MAX - MB, "ulimit -f");
        limit = (struct rlimit){0, 0};
        ok = ok && setrlimit(RLIMIT_AS, &limit) == 0 && is_explained(MB, "the system gives");
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void an_address_that_is_taken_is_not_overwritten(void **state)
{
    (void)state;
    char *there = mmap((void *)(uintptr_t)ADDRESS, 4096, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert_int_equal((uintptr_t)there, ADDRESS);
    there[0] = 1;
    assert_null(make(16, 1));
    assert_int_equal(there[0], 1);
    assert_int_equal(munmap(there, 4096), 0);
    assert_non_null(make(16, 1));
}

static void what_is_hidden_keeps_its_place_and_counts_for_nothing(void **state)
{
    (void)state;
    heap_destroy(heap);
    heap = heap_create(ADDRESS, 4 * MB, &err);
    char *first = make(MB, 1), *second = make(MB, 1);
    first[0] = 1;
    heap_hide(heap, first, true);
    heap_hide(heap, first, true);
    heap_hide(heap, first + 16, true);
    assert_int_equal(heap_count(heap), 1);
    assert_int_equal(heap_total(heap), MB);
    assert_true(make(3 * MB, 1) != NULL && make(16, 1) == NULL);
    assert_int_equal(first[0], 1);
    heap_hide(heap, first, false);
    assert_int_equal(heap_count(heap), 3);
    heap_hide(heap, second, true);
    struct heap_view view;
    assert_true(heap_look(&view, heap));
    assert_int_equal(view.count, 2);
    assert_null(heap_find(&view, (uint64_t)(uintptr_t)second + 8));
    heap_close(&view);
    assert_true(heap_free(heap, second));
    assert_int_equal(heap_count(heap), 2);
    assert_int_equal(heap_total(heap), 4 * MB);
}

static void a_heap_of_hidden_objects_is_written_as_an_empty_one(void **state)
{
    (void)state;
    heap_hide(heap, make(100, 1), true);
    struct heap_piece pieces[HEAP_PIECES];
    struct heap_view view;
    assert_int_equal(heap_pieces(heap, pieces), 1);
    assert_true(heap_open(&view, pieces[0].bytes, pieces[0].len, &err));
    assert_int_equal(view.count, 0);
    heap_close(&view);
}

static void in_line_no_free_block_is_taken(void **state)
{
    (void)state;
    char *first = make(100, 1), *second = make(100, 1);
    assert_true(heap_free(heap, first));
    heap_line_up(heap, true);
    char *third = make(16, 1);
    assert_true(third > second && (char *)make(16, 1) > third);
    heap_line_up(heap, false);
    assert_ptr_equal(make(16, 1), first);
}

static void forked_children_do_not_inherit_it(void **state)
{
    (void)state;
    char *object = make(16, 1);
    pid_t child = fork();
    if (child == 0) {
        _exit(msync(object, 4096, MS_ASYNC) == 0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- at random, beside a model ---- */

struct modelled {
    unsigned char *at;
    size_t len;
    unsigned char byte;
};

static uint64_t chance(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static bool holds(const struct modelled *object)
{
    return object->at[0] == object->byte &&
           memcmp(object->at, object->at + 1, object->len - 1) == 0;
}

static void a_million_changes_leave_each_object_as_it_was(void **state)
{
    (void)state;
    enum {
        OBJECTS = 600
    };
    static struct modelled model[OBJECTS];
    uint64_t seed = 20, total = 0, count = 0;
    size_t rounds = getenv("HOTRUN_TEST_ALL") != NULL ? 1000000 : 200000;
    for (size_t round = 0; round < rounds; round++) {
        struct modelled *one = &model[chance(&seed) % OBJECTS];
        if (one->at != NULL) {
            assert_true(holds(one));
            assert_true(heap_free(heap, one->at));
            assert_false(heap_free(heap, one->at));
            total -= one->len;
            count--;
            one->at = NULL;
            continue;
        }
        size_t most = chance(&seed) % 100 == 0 ? 3 * MB / 2 : chance(&seed) % 10 == 0 ? 5000 : 100;
        size_t align = (size_t)1 << chance(&seed) % 13;
        one->len = 1 + chance(&seed) % most;
        one->at = heap_alloc(heap, 1, 0, one->len, 1, align);
        one->byte = (unsigned char)(1 + chance(&seed) % 255);
        assert_non_null(one->at);
        assert_int_equal((uintptr_t)one->at % align, 0);
        assert_true(is_zero(one->at, one->len));
        memset(one->at, one->byte, one->len);
        total += one->len;
        count++;
        assert_int_equal(heap_total(heap), total);
        assert_int_equal(heap_count(heap), count);
        if (round % (rounds / 50) == 0) {
            struct heap_view view;
            assert_true(heap_look(&view, heap));
            for (size_t i = 0; i < OBJECTS; i++) {
                const struct heap_object *found = NULL;
                if (model[i].at != NULL) {
                    found = heap_find(&view, (uintptr_t)model[i].at + model[i].len / 2);
                    assert_non_null(found);
                    assert_int_equal(found->offset, offset_of(model[i].at));
                }
            }
            assert_true(view.size < 64 * MB + 3 * total);
            heap_close(&view);
        }
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        assert_true(model[i].at == NULL || heap_free(heap, model[i].at));
        model[i].at = NULL;
    }
    assert_int_equal(heap_count(heap), 0);
    assert_int_equal(heap_total(heap), 0);
    assert_true(resident() <= MB);
    assert_int_equal(offset_of(make(16, 1)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_lie_from_the_fixed_address_on_and_are_zero),
        TEST(memory_that_was_freed_is_used_again_and_zero),
        TEST(an_object_that_has_just_the_size_of_a_free_one_fits_there),
        TEST(frees_of_what_is_no_object_are_recognised),
        TEST(sizes_that_are_none_get_no_object),
        TEST(each_alignment_up_to_a_page_is_kept),
        TEST(the_limit_is_kept),
        TEST(a_large_array_costs_what_is_touched),
        TEST(what_is_freed_goes_back_to_the_system),
        TEST(what_the_system_refuses_is_no_object_and_no_signal),
        TEST(why_there_is_no_room_is_told),
        TEST(an_address_that_is_taken_is_not_overwritten),
        TEST(what_is_hidden_keeps_its_place_and_counts_for_nothing),
        TEST(a_heap_of_hidden_objects_is_written_as_an_empty_one),
        TEST(in_line_no_free_block_is_taken),
        TEST(forked_children_do_not_inherit_it),
        TEST(a_million_changes_leave_each_object_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
