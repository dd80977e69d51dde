#include "../layout/drafts.h"
#include "../layout/random_types.h"
#include "scene.h"

/* A layout of the type whose block was changed, when that still is a layout of a small state. */
static struct layout *changed_layout(struct random *random, struct shape_type *type)
{
    struct layout *layout = layout_of(type), *changed = NULL;
    size_t len = (size_t)layout->head->len;
    unsigned char *block = malloc(len);
    assert_non_null(block);
    memcpy(block, layout_block(layout), len);
    for (unsigned i = random_below(random, 4); i > 0; i--) {
        size_t at =
            sizeof(struct layout_head) + random_next(random) % (len - sizeof(struct layout_head));
        block[at] = (unsigned char)(random_chance(random, 50) ? random_below(random, 32)
                                                              : random_next(random));
    }
    layout_rehash(block, len);
    changed = layout_open(block, len, NULL);
    if (changed != NULL && layout_state(changed)->size > 1 << 16) {
        layout_drop(&changed);
    }
    layout_drop(&layout);
    free(block);
    return changed;
}

/* Anything, and now and then an address in the state or behind it. */
static void fill(struct random *random, unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(random_chance(random, 50) ? 0 : random_next(random));
    }
    for (size_t i = 0; i + sizeof(void *) <= size; i += 1 + random_below(random, 16)) {
        const void *address = bytes + random_below(random, (unsigned)size + 9);
        if (random_chance(random, 30)) {
            memcpy(bytes + i, &address, sizeof address);
        }
    }
}

static void layouts_that_lie_move_nothing_out_of_bounds(void **state)
{
    (void)state;
    const char *wanted = getenv("HOTRUN_RANDOM_STRUCTS");
    uint64_t count = wanted == NULL ? 3000 : strtoull(wanted, NULL, 10), moved = 0;
    for (uint64_t i = 1; i <= count; i++) {
        struct random random = {.seed = i * UINT64_C(0x9e3779b97f4a7c15) | 1};
        struct shape_type *type = random_type(&random, DEPTH_MOST);
        struct layout *from = changed_layout(&random, type);
        struct layout *to = changed_layout(&random, random_change(&random, type, DEPTH_MOST));
        random_free(&random);
        if (from != NULL && to != NULL) {
            struct scene scene;
            scene_start_with(&scene, from, to);
            if (scene.plan != NULL) {
                fill(&random, scene.old, (size_t)scene.image.state_size);
                scene.image.alive = i % 2 == 0;
                scene_move(&scene);
                moved++;
            }
            scene_end(&scene);
        } else {
            layout_drop(&from);
            layout_drop(&to);
        }
    }
    assert_true(moved > count / 8);
}

/* Structs of structs, each with two of the one before: 2^80 ways to the innermost. */
static void types_that_are_met_again_and_again_are_compared_once(void **state)
{
    (void)state;
    char from[8192], to[8192];
    size_t at = 0;
    at += (size_t)snprintf(from, sizeof from, "struct s0 {u8 a;}; ");
    for (int i = 1; i < 18; i++) {
        at += (size_t)snprintf(from + at, sizeof from - at,
                               "struct s%d {struct s%d x; struct s%d y;}; ", i, i - 1, i - 1);
    }
    memcpy(to, from, at + 1);
    memcpy(to + strlen("struct s0 {"), "i8", 2);
    struct scene scene;
    scene_start(&scene, from, to);
    memset(scene.old, 200, (size_t)scene.image.state_size);
    scene_move(&scene);
    assert_int_equal(scene.findings.count[FINDING_LOST], 1 << 17);
    assert_int_equal(scene.findings.count[FINDING_CONVERTED], 1);
    assert_int_equal(scene.fresh[(1 << 17) - 1], 127);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_that_lie_move_nothing_out_of_bounds),
        cmocka_unit_test(types_that_are_met_again_and_again_are_compared_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
