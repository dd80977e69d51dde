#include "scene.h"

#define OLD_ADDRESS UINT64_C(0x551800000000)
#define NEW_ADDRESS UINT64_C(0x559800000000)

#define NODE "struct node {int value; struct node *next; struct node *prev; int *inner;}; "
#define NEW_NODE                                                                                   \
    "struct node {struct node *prev; struct node *next; int *inner; i64 more; i64 value;}; "
#define GAME     "struct game {struct node *first; struct node *last; int count; u64 big;}"
#define NEW_GAME "struct game {u64 big; int count; struct node *first; struct node *last;}"

struct node {
    int value;
    struct node *next, *prev;
    int *inner;
};

struct new_node {
    struct new_node *prev, *next;
    int64_t *inner;
    int64_t more, value;
};

static struct layout *marked(const char *text, const char *type)
{
    struct sketch sketch;
    sketch_begin(&sketch, text);
    uint32_t game = sketch.last;
    if (type != NULL) {
        sketch_mark(&sketch, type, 64);
    }
    sketch.last = game;
    return sketch_end_with(&sketch, &(struct draft_library){.span = 4096});
}

static void start(struct scene *scene, const char *from, const char *to)
{
    scene_start_with(scene, marked(from, "struct node"), marked(to, "struct node"));
    assert_non_null(scene->plan);
    scene->image.objects = heap_create(OLD_ADDRESS, HEAP_SIZE_MAX, &scene->err);
    scene->target.heap = heap_create(NEW_ADDRESS, HEAP_SIZE_MAX, &scene->err);
    assert_true(scene->image.objects != NULL && scene->target.heap != NULL);
}

static void end(struct scene *scene)
{
    heap_destroy(scene->image.objects);
    heap_destroy(scene->target.heap);
    scene_end(scene);
}

static uint32_t node_type(const struct scene *scene)
{
    return layout_mark_at(scene->from, 64);
}

static struct node *make(struct scene *scene, size_t count)
{
    struct node *node =
        heap_alloc(scene->image.objects, node_type(scene), 0, sizeof *node, count, 8);
    assert_non_null(node);
    return node;
}

/* A ring with pointers back and into nodes. */
static void make_ring(struct scene *scene, size_t count)
{
    struct node *first = NULL, *last = NULL;
    for (size_t i = 0; i < count; i++) {
        struct node *node = make(scene, 1);
        node->value = (int)i;
        node->prev = last;
        node->inner = last == NULL ? NULL : &last->value;
        first = first == NULL ? node : first;
        if (last != NULL) {
            last->next = node;
        }
        last = node;
    }
    last->next = first;
    first->prev = last;
    scene_point(scene, "/first", first);
    scene_point(scene, "/last", last);
    scene_set(scene, "/count", (double)count);
}

static void check_ring(struct scene *scene, size_t count)
{
    struct new_node *node = scene_pointer(scene, "/first"), *last = scene_pointer(scene, "/last");
    assert_int_equal(heap_count(scene->target.heap), count);
    assert_ptr_equal(node->prev, last);
    assert_null(node->inner);
    for (size_t i = 0; i < count; i++, node = node->next) {
        assert_int_equal(node->value, i);
        assert_int_equal(node->more, 0);
        assert_ptr_equal(node->next->prev, node);
        assert_true(i == 0 || node->inner == &node->prev->value);
    }
    assert_ptr_equal(node, scene_pointer(scene, "/first"));
}

static void rings_of_objects_are_made_anew_with_their_new_type(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, NODE GAME, NEW_NODE NEW_GAME);
    make_ring(&scene, 1000);
    assert_false(plan_keeps_heap(scene.plan, &scene.image));
    scene_move(&scene);
    check_ring(&scene, 1000);
    scene_told(&scene, FINDING_CONVERTED, "node/value: int to i64");
    scene_told(&scene, FINDING_ADDED, "node/more");
    scene_told(&scene, FINDING_KEPT, "");
    end(&scene);
}

/* The image as a death leaves it: bytes, and nothing else. */
static unsigned char *write_image(const struct scene *scene, size_t *len)
{
    struct image_head head;
    struct image_part parts[IMAGE_PARTS];
    size_t count = image_parts(&scene->image, &head, NULL, parts);
    *len = 0;
    for (size_t i = 0; i < count; i++) {
        *len += parts[i].len;
    }
    unsigned char *bytes = aligned_alloc(16, *len);
    assert_non_null(bytes);
    for (size_t i = 0, at = 0; i < count; at += parts[i++].len) {
        memcpy(bytes + at, parts[i].bytes, parts[i].len);
    }
    return bytes;
}

static void an_image_is_moved_like_what_it_was_made_of(void **state)
{
    (void)state;
    struct scene scene;
    size_t len;
    start(&scene, NODE GAME, NEW_NODE NEW_GAME);
    make_ring(&scene, 100);
    unsigned char *bytes = write_image(&scene, &len);
    heap_destroy(scene.image.objects);
    assert_int_equal(image_layout(bytes, len), scene.from->head->hash);
    assert_false(image_read(&scene.image, bytes, len, scene.to, &scene.err));
    assert_true(image_read(&scene.image, bytes, len, scene.from, &scene.err));
    scene_move(&scene);
    check_ring(&scene, 100);
    free(bytes);
    end(&scene);
}

static void damaged_images_are_refused_or_moved_within_their_bounds(void **state)
{
    (void)state;
    struct scene scene;
    size_t len;
    unsigned refused = 0, moved = 0;
    start(&scene, NODE GAME, NEW_NODE NEW_GAME);
    make_ring(&scene, 7);
    unsigned char *bytes = write_image(&scene, &len);
    unsigned seed = 1;
    for (int i = 0; i < 3000; i++) {
        seed = seed * 1103515245 + 12345;
        size_t cut = i % 8 == 0 ? seed / 65536 % len : len;
        unsigned char *copy = aligned_alloc(16, (cut + 15) / 16 * 16 + 16);
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        for (int k = 0; k < 1 + i % 4 && cut > 8; k++) {
            seed = seed * 1103515245 + 12345;
            copy[8 + seed / 65536 % (cut - 8)] ^= (unsigned char)(1U << seed / 256 % 8);
        }
        struct image image;
        struct target target = scene.target;
        target.heap = heap_create(NEW_ADDRESS + (UINT64_C(1) << 36), 1 << 20, NULL);
        assert_non_null(target.heap);
        bool ok = image_read(&image, copy, cut, scene.from, NULL) &&
                  plan_move(scene.plan, &image, &target, &scene.findings, NULL);
        refused += !ok;
        moved += ok;
        heap_destroy(target.heap);
        free(copy);
    }
    assert_true(refused > 300 && moved > 300);
    free(bytes);
    end(&scene);
}

static void arrays_keep_their_count_and_pointers_their_elements(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, NODE GAME, NEW_NODE NEW_GAME);
    struct node *list = make(&scene, 10);
    for (int i = 0; i < 10; i++) {
        list[i].value = i;
        list[i].next = &list[(i + 3) % 10];
        list[i].inner = &list[9 - i].value;
    }
    scene_point(&scene, "/first", list);
    scene_point(&scene, "/last", list + 10);
    scene_move(&scene);
    struct new_node *moved = scene_pointer(&scene, "/first");
    assert_ptr_equal(scene_pointer(&scene, "/last"), moved + 10);
    for (int i = 0; i < 10; i++) {
        assert_ptr_equal(moved[i].next, &moved[(i + 3) % 10]);
        assert_ptr_equal(moved[i].inner, &moved[9 - i].value);
    }
    end(&scene);
}

static void a_renamed_type_is_found_by_the_pointers_to_it(void **state)
{
    (void)state;
    struct scene scene;
    scene_start_with(
        &scene, marked(NODE GAME, "struct node"),
        sketch_layout("struct item {struct item *prev; struct item *next; int *inner; i64 more; "
                      "i64 value;}; struct game {u64 big; int count; struct item *first; struct "
                      "item *last;}"));
    scene.image.objects = heap_create(OLD_ADDRESS, HEAP_SIZE_MAX, &scene.err);
    scene.target.heap = heap_create(NEW_ADDRESS, HEAP_SIZE_MAX, &scene.err);
    make_ring(&scene, 10);
    scene_move(&scene);
    check_ring(&scene, 10);
    size_t count;
    const uint32_t *types = plan_types(scene.plan, &count);
    assert_in_range(node_type(&scene), 0, count - 1);
    assert_string_equal(layout_string(scene.to, scene.to->types[types[node_type(&scene)]].name),
                        "item");
    end(&scene);
}

static void objects_of_no_known_type_are_copied_and_told(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, NODE GAME, NEW_NODE NEW_GAME);
    char *bytes = heap_alloc(scene.image.objects, LAYOUT_NONE, 0, 1, 5, 1);
    memcpy(bytes, "abcd", 5);
    struct node *marked_one =
        heap_alloc(scene.image.objects, LAYOUT_NONE, 64, sizeof *marked_one, 1, 8);
    marked_one->value = 5;
    scene_point(&scene, "/first", bytes + 2);
    scene_point(&scene, "/last", marked_one);
    scene_move(&scene);
    assert_string_equal(scene_pointer(&scene, "/first"), "cd");
    assert_int_equal(((struct new_node *)scene_pointer(&scene, "/last"))->value, 5);
    scene_told(&scene, FINDING_KEPT,
               "a heap object of 5 bytes: its type is not known, so its bytes stay as they are");
    end(&scene);
}

static void a_freed_object_is_led_to_no_more(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, NODE GAME, NEW_NODE NEW_GAME);
    struct node *node = make(&scene, 1), *freed = make(&scene, 1), *other = make(&scene, 1);
    struct node *last = make(&scene, 1);
    node->next = freed;
    node->prev = last;
    scene_point(&scene, "/first", node);
    scene_point(&scene, "/last", other);
    assert_true(heap_free(scene.image.objects, freed));
    assert_true(heap_free(scene.image.objects, last)); /* nothing is behind it */
    scene_move(&scene);
    assert_null(((struct new_node *)scene_pointer(&scene, "/first"))->next);
    scene_told(&scene, FINDING_KEPT,
               "node/prev: led to a heap object that was freed, and has its default; "
               "node/next: led to a heap object that was freed, and has its default");
    end(&scene);
}

static void a_heap_without_room_refuses_the_move(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, NODE GAME, NEW_NODE NEW_GAME);
    make_ring(&scene, 1000);
    heap_destroy(scene.target.heap);
    scene.target.heap = heap_create(NEW_ADDRESS, 16384, &scene.err);
    assert_false(plan_move(scene.plan, &scene.image, &scene.target, &scene.findings, &scene.err));
    assert_int_equal(scene.err.code, ERROR_LIMIT);
    end(&scene);
}

static void objects_that_are_alike_stay(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, NODE GAME, "struct other {int x;}; " NODE GAME);
    make_ring(&scene, 10);
    assert_true(plan_keeps_state(scene.plan));
    assert_true(plan_keeps_heap(scene.plan, &scene.image));
    unsigned char *before = malloc((size_t)scene.image.state_size);
    memcpy(before, scene.old, (size_t)scene.image.state_size);
    scene.target.state = scene.old;
    assert_true(plan_rebind(scene.plan, &scene.image, &scene.target, &scene.findings, &scene.err));
    assert_memory_equal(before, scene.old, scene.image.state_size);
    free(before);
    end(&scene);
}

static void an_exact_type_of_objects_may_not_change(void **state)
{
    (void)state;
    struct scene scene;
    scene_start_with(
        &scene, marked("struct node {exact; int a;}; struct game {struct node *p;}", "struct node"),
        marked("struct node {exact; i64 a;}; struct game {struct node *p;}", "struct node"));
    assert_null(scene.plan);
    assert_non_null(strstr(scene.err.text, "node: struct node is marked HOTRUN_EXACT"));
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_of_objects_are_made_anew_with_their_new_type),
        cmocka_unit_test(an_image_is_moved_like_what_it_was_made_of),
        cmocka_unit_test(damaged_images_are_refused_or_moved_within_their_bounds),
        cmocka_unit_test(arrays_keep_their_count_and_pointers_their_elements),
        cmocka_unit_test(a_renamed_type_is_found_by_the_pointers_to_it),
        cmocka_unit_test(objects_of_no_known_type_are_copied_and_told),
        cmocka_unit_test(a_freed_object_is_led_to_no_more),
        cmocka_unit_test(a_heap_without_room_refuses_the_move),
        cmocka_unit_test(objects_that_are_alike_stay),
        cmocka_unit_test(an_exact_type_of_objects_may_not_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
