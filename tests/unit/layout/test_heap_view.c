#define _GNU_SOURCE
#include "heap_trial.h"

/* The block as one piece of memory. */
static void *whole(size_t *len)
{
    struct heap_piece pieces[HEAP_PIECES];
    size_t count = heap_pieces(heap, pieces);
    unsigned char *block = NULL;
    *len = 0;
    assert_in_range(count, 1, HEAP_PIECES);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pieces[i].len % 16, 0);
        block = realloc(block, *len + pieces[i].len);
        assert_non_null(block);
        memcpy(block + *len, pieces[i].bytes, pieces[i].len);
        *len += pieces[i].len;
    }
    return block;
}

/* ---- finding ---- */

static void an_address_in_an_object_or_at_its_end_finds_it(void **state)
{
    (void)state;
    struct heap_view view;
    char *array = make(8, 4);
    char *next = make(8, 1);
    char *gone = make(64, 1);
    char *last = make(20, 1);
    assert_true(heap_free(heap, gone));
    assert_true(heap_look(&view, heap));
    assert_int_equal(view.count, 3);
    assert_int_equal(heap_find(&view, (uintptr_t)array)->offset, offset_of(array));
    assert_int_equal(heap_find(&view, (uintptr_t)array + 31)->offset, offset_of(array));
    assert_int_equal(heap_find(&view, (uintptr_t)array + 32)->offset, offset_of(array));
    assert_null(heap_find(&view, (uintptr_t)array + 33));
    assert_int_equal(heap_find(&view, (uintptr_t)next)->offset, offset_of(next));
    assert_null(heap_find(&view, (uintptr_t)gone));
    assert_int_equal(heap_find(&view, (uintptr_t)last + 20)->offset, offset_of(last));
    assert_null(heap_find(&view, (uintptr_t)last + 21));
    assert_null(heap_find(&view, ADDRESS - 1));
    assert_null(heap_find(&view, ADDRESS + HEAP_SIZE_MAX));
    assert_null(heap_find(&view, 0));
    assert_null(heap_find(&view, UINT64_MAX));
    heap_close(&view);
}

static void small_ones_are_found_beside_a_huge_one(void **state)
{
    (void)state;
    char *nodes[5000];
    struct heap_view view;
    assert_non_null(make(1, (size_t)1 << 30));
    for (size_t i = 0; i < 5000; i++) {
        nodes[i] = make(24, 1);
    }
    assert_true(heap_look(&view, heap));
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(heap_find(&view, (uintptr_t)nodes[i] + 9)->offset, offset_of(nodes[i]));
    }
    assert_int_equal(heap_find(&view, ADDRESS + ((uint64_t)1 << 29))->offset, 0);
    heap_close(&view);
}

static void an_empty_heap_is_a_block_without_objects(void **state)
{
    (void)state;
    size_t len;
    struct heap_view view;
    void *block = whole(&len);
    assert_true(heap_open(&view, block, len, &err));
    assert_int_equal(view.count, 0);
    assert_int_equal(view.address, ADDRESS);
    assert_null(heap_find(&view, ADDRESS));
    heap_close(&view);
    free(block);
    assert_true(heap_look(&view, heap));
    assert_null(heap_find(&view, ADDRESS));
    heap_close(&view);
}

static void a_block_has_all_objects_with_their_bytes(void **state)
{
    (void)state;
    size_t len;
    struct heap_view view;
    void *gone = make(100, 1);
    char *kept = make(10, 5);
    (void)make(3, 1);
    (void)heap_alloc(heap, LAYOUT_NONE, 0x1234, 64, 1, 64);
    assert_true(heap_free(heap, gone));
    memset(kept, 'x', 50);
    void *block = whole(&len);
    assert_true(heap_open(&view, block, len, &err));
    assert_int_equal(view.count, 3);
    assert_int_equal(view.objects[0].size, 10);
    assert_int_equal(view.objects[0].count, 5);
    assert_int_equal(view.objects[0].type, 7);
    assert_int_equal(view.objects[2].mark, 0x1234);
    assert_int_equal(view.objects[2].type, LAYOUT_NONE);
    assert_memory_equal(heap_bytes_of(&view, &view.objects[0]), "xxxxxxxxxx", 10);

    heap_close(&view);
    free(block);
}

static void a_long_stretch_of_no_object_is_left_out(void **state)
{
    (void)state;
    char *first = make(8, 1), *hidden = make(1, 1 << 20), *second = make(100, 50);
    char *freed = make(1, 5000), *last = make(8, 1);
    size_t len;
    struct heap_view view;
    memset(first, '1', 8);
    memset(hidden, 'h', 1 << 20);
    memset(second, '2', 5000);
    memset(last, '3', 8);
    heap_hide(heap, hidden, true);
    assert_true(heap_free(heap, freed));
    void *block = whole(&len);
    assert_in_range(len, 10000, 12000);
    assert_true(heap_open(&view, block, len, &err));
    assert_int_equal(view.count, 3);
    char *const expected[] = {first, second, last};
    for (size_t i = 0; i < 3; i++) {
        const struct heap_object *object = heap_find(&view, (uintptr_t)expected[i]);
        assert_ptr_equal(object, &view.objects[i]);
        assert_memory_equal(heap_bytes_of(&view, object), expected[i],
                            object->size * object->count);
    }
    assert_null(heap_find(&view, (uintptr_t)hidden + 100));
    heap_close(&view);
    free(block);
}

/* ---- hostile blocks ---- */

struct damage {
    const char *what; /* in the sentence */
    size_t object;    /* SIZE_MAX: the block's head, where `field` is counted from its begin */
    size_t field;
    uint64_t value;
};

static void damaged_blocks_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const struct damage damages[] = {
        {"begins with other bytes", SIZE_MAX, 0, 1},
        {"the heap says that it lay at 0x123", SIZE_MAX, 8, 0x123},
        {"the heap says that it lay", SIZE_MAX, 8, UINT64_MAX - 4095},
        {"which do not make", SIZE_MAX, 16, 2},
        {"which do not make", SIZE_MAX, 16, UINT64_MAX / 40 + 1},
        {"which do not make", SIZE_MAX, 24, 16},
        {"which do not make", SIZE_MAX, 24, UINT64_MAX - 100},
        {"which do not make", SIZE_MAX, 32, UINT64_MAX - 15},
        {"which do not make", SIZE_MAX, 40, 16},
        {"which do not make", SIZE_MAX, 40, UINT64_MAX - 15},
        {"the bytes of heap object 0 are left out", SIZE_MAX, 32, 16},
        {"object 0 lies outside", 0, offsetof(struct heap_object, offset), 1 << 20},
        {"object 0 lies outside", 0, offsetof(struct heap_object, offset), UINT64_MAX - 15},
        {"object 1 lies in the one", 1, offsetof(struct heap_object, offset), 16},
        {"object 0 is damaged", 0, offsetof(struct heap_object, size), 0},
        {"object 0 is damaged", 0, offsetof(struct heap_object, count), 0},
        {"object 0 is damaged", 0, offsetof(struct heap_object, size), UINT64_MAX},
        {"object 1 is damaged", 1, offsetof(struct heap_object, count), UINT64_MAX / 2},
        {"object 1 lies in the one", 0, offsetof(struct heap_object, count), 8},
        {"object 2 lies outside", 2, offsetof(struct heap_object, count), 3},
    };
    size_t len;
    struct heap_view view;
    char *first = make(8, 4);
    (void)make(8, 4);
    (void)make(8, 1);
    first[0] = 'x';
    unsigned char *block = whole(&len);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *damage = &damages[i];
        size_t at = damage->object == SIZE_MAX
                        ? damage->field
                        : 64 + damage->object * sizeof(struct heap_object) + damage->field;
        unsigned char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, block, len);
        memcpy(copy + at, &damage->value, sizeof damage->value);
        err = (struct error){0};
        assert_false(heap_open(&view, copy, len, &err));
        if (strstr(err.text, damage->what) == NULL) {
            fail_msg("%zu: %s, expected %s", i, err.text, damage->what);
        }
        heap_close(&view);
        free(copy);
    }
    for (size_t cut = 0; cut < len; cut++) {
        unsigned char *copy = malloc(cut + 1);
        memcpy(copy, block, cut);
        assert_false(heap_open(&view, copy, cut, &err));
        heap_close(&view);
        free(copy);
    }
    free(block);
}

static void flipped_bits_never_lead_outside(void **state)
{
    (void)state;
    size_t len;
    struct heap_view view;
    for (size_t i = 1; i < 20; i++) {
        (void)make(i, i);
    }
    unsigned char *block = whole(&len);
    uint64_t sum = 0;
    for (size_t bit = 0; bit < (64 + 19 * sizeof(struct heap_object)) * 8; bit++) {
        block[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (heap_open(&view, block, len, &err)) {
            for (size_t i = 0; i < view.count; i++) {
                const struct heap_object *object = &view.objects[i];
                for (uint64_t k = 0; k < object->size * object->count; k++) {
                    sum += heap_bytes_of(&view, object)[k];
                }
                assert_ptr_equal(heap_find(&view, view.address + object->offset), object);
            }
        }
        heap_close(&view);
        block[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_int_equal(sum, 0);
    free(block);
}

/* ---- types ---- */

static void marks_are_resolved_when_the_layout_comes(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t state_type = draft_scalar(draft, LAYOUT_INT, "int", 4);
    uint32_t real = draft_scalar(draft, LAYOUT_FLOAT, "double", 8);
    draft_mark(draft, 0x4000, real);
    struct layout *layout = draft_open(draft, state_type, 0x8000, &err);
    assert_non_null(layout);
    struct heap_view view;
    (void)heap_alloc(heap, LAYOUT_NONE, 0x4000, 8, 3, 8);
    (void)heap_alloc(heap, LAYOUT_NONE, 0x4000, 16, 1, 8); /* not what the mark says */
    (void)heap_alloc(heap, LAYOUT_NONE, 0x5000, 8, 1, 8);
    (void)heap_alloc(heap, LAYOUT_NONE, 0, 8, 1, 8);
    heap_resolve(heap, layout);
    assert_true(heap_look(&view, heap));
    assert_int_equal(view.objects[0].type, layout_mark_at(layout, 0x4000));
    assert_int_equal(view.objects[0].mark, 0);
    assert_int_equal(view.objects[1].type, LAYOUT_NONE);
    assert_int_equal(view.objects[2].type, LAYOUT_NONE);
    assert_int_equal(view.objects[2].mark, 0x5000);
    heap_close(&view);
    layout_drop(&layout);
}

static void types_get_the_numbers_of_new_code(void **state)
{
    (void)state;
    static const uint32_t types[] = {5, LAYOUT_NONE, 9};
    struct heap_view view;
    (void)heap_alloc(heap, 0, 0, 8, 1, 8);
    (void)heap_alloc(heap, 1, 0, 8, 1, 8);
    (void)heap_alloc(heap, 2, 0, 8, 1, 8);
    (void)heap_alloc(heap, 3, 0, 8, 1, 8);
    (void)heap_alloc(heap, LAYOUT_NONE, 0x4000, 8, 1, 8);
    heap_retype(heap, types, 3);
    assert_true(heap_look(&view, heap));
    assert_int_equal(view.objects[0].type, 5);
    assert_int_equal(view.objects[1].type, LAYOUT_NONE);
    assert_int_equal(view.objects[2].type, 9);
    assert_int_equal(view.objects[3].type, LAYOUT_NONE);
    assert_int_equal(view.objects[4].type, LAYOUT_NONE);
    assert_int_equal(view.objects[4].mark, 0); /* it was of the code before */
    heap_close(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_address_in_an_object_or_at_its_end_finds_it),
        TEST(small_ones_are_found_beside_a_huge_one),
        TEST(an_empty_heap_is_a_block_without_objects),
        TEST(a_block_has_all_objects_with_their_bytes),
        TEST(a_long_stretch_of_no_object_is_left_out),
        TEST(damaged_blocks_are_refused_with_a_sentence),
        TEST(flipped_bits_never_lead_outside),
        TEST(marks_are_resolved_when_the_layout_comes),
        TEST(types_get_the_numbers_of_new_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
