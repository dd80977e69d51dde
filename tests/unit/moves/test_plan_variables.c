#include "scene.h"

static _Alignas(16) unsigned char old_library[4096], new_library[4096];

static void start(struct scene *scene, struct sketch *from, struct sketch *to)
{
    struct draft_library library = {.span = 4096};
    scene_start_with(scene, sketch_end_with(from, &library), sketch_end_with(to, &library));
    assert_non_null(scene->plan);
    memset(old_library, 0, sizeof old_library);
    memset(new_library, 0, sizeof new_library);
    scene->image.module_base = (uint64_t)(uintptr_t)old_library;
    scene->target.module_base = (uint64_t)(uintptr_t)new_library;
    scene->target.statics = true;
}

static void put_int(unsigned char *at, int number)
{
    memcpy(at, &number, sizeof number);
}

static int get_int(const unsigned char *at)
{
    int number;
    memcpy(&number, at, sizeof number);
    return number;
}

#define GAME     "struct vec {int x; int y;}; struct game {int *p; int *q;}"
#define NEW_GAME "struct vec {int y; int z; int x;}; struct game {int *q; int *p;}"

static void make(struct scene *scene)
{
    struct sketch from, to;
    sketch_begin(&from, GAME);
    uint32_t game = from.last;
    sketch_variable(&from, "src/game.c", "", "speed", "int", 16, 0);
    sketch_variable(&from, "src/game.c", "update", "calls", "int", 32, 0);
    sketch_variable(&from, "src/game.c", "", "at", "struct vec", 48, 0);
    sketch_variable(&from, "src/game.c", "", "gone", "int", 64, 0);
    sketch_variable(&from, "src/game.c", "", "fresh_each_time", "int", 80, 0);
    sketch_variable(&from, "src/game.c", "", "moved", "int", 96, 0);
    sketch_variable(&from, "src/game.c", "", "stuck", "int", 112, 0);
    from.last = game;
    sketch_begin(&to, NEW_GAME);
    game = to.last;
    sketch_variable(&to, "src/game.c", "", "at", "struct vec", 16, 0);
    sketch_variable(&to, "src/game.c", "update", "calls", "i64", 32, 0);
    sketch_variable(&to, "src/game.c", "", "speed", "int", 48, 0);
    sketch_variable(&to, "src/game.c", "", "added", "int", 64, 0);
    sketch_variable(&to, "src/game.c", "", "fresh_each_time", "int", 80, LAYOUT_RESET);
    sketch_variable(&to, "src/physics.c", "", "moved", "int", 96, 0);
    sketch_variable(&to, "src/game.c", "", "stuck", "int", 112, LAYOUT_CARRIED);
    to.last = game;
    start(scene, &from, &to);
    for (int i = 0; i < 7; i++) {
        put_int(old_library + 16 + 16 * i, 100 + i);
        put_int(new_library + 16 + 16 * i, -1);
    }
    put_int(old_library + 52, 200);
    scene_point(scene, "/p", old_library + 52);
    scene_point(scene, "/q", old_library + 64);
}

static void check(struct scene *scene)
{
    assert_int_equal(get_int(new_library + 48), 100);
    assert_int_equal(get_int(new_library + 32), 101);
    assert_int_equal(get_int(new_library + 24), 102);
    assert_int_equal(get_int(new_library + 16), 200);
    assert_int_equal(get_int(new_library + 64), -1);
    assert_int_equal(get_int(new_library + 80), -1);
    assert_int_equal(get_int(new_library + 96), 105);
    assert_int_equal(get_int(new_library + 112), -1);
    assert_ptr_equal(scene_pointer(scene, "/p"), new_library + 16);
    scene_told(scene, FINDING_ADDED, "src/game.c:added; src/game.c:at/z");
    scene_told(scene, FINDING_DROPPED, "src/game.c:gone");
    scene_told(scene, FINDING_CONVERTED, "src/game.c:update:calls: int to i64");
}

static void variables_go_by_their_identity(void **state)
{
    (void)state;
    struct scene scene;
    make(&scene);
    scene_move(&scene);
    check(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/q"), old_library + 64);
    scene_told(&scene, FINDING_KEPT,
               "src/game.c:stuck: starts anew, it moves; "
               "src/game.c:moved: is taken for src/physics.c:moved; "
               "/q: points to the old variable gone, which is gone");
    scene_end(&scene);
}

static void variables_of_an_image_go_the_same_way(void **state)
{
    (void)state;
    struct scene scene;
    struct image_head head;
    struct image_part parts[IMAGE_PARTS];
    make(&scene);
    unsigned char *variables = malloc((size_t)scene.from->head->variables_size);
    assert_int_equal(image_parts(&scene.image, &head, variables, parts), 3);
    memset(old_library, 0xee, sizeof old_library);
    scene.image.variables = variables;
    scene.image.alive = false;
    scene_move(&scene);
    check(&scene);
    assert_null(scene_pointer(&scene, "/q"));
    free(variables);
    scene_end(&scene);
}

static void without_statics_variables_are_symbols(void **state)
{
    (void)state;
    struct scene scene;
    struct sketch from, to;
    sketch_begin(&from, "struct game {int *p;}");
    uint32_t game = from.last;
    sketch_variable(&from, "game.c", "update", "calls", "int", 32, 0);
    sketch_symbol(&from, "calls.1", "game.c", 32, 4, false);
    from.last = game;
    sketch_begin(&to, "struct game {int x; int *p;}");
    game = to.last;
    sketch_variable(&to, "game.c", "update", "calls", "int", 64, 0);
    sketch_symbol(&to, "calls.0", "game.c", 64, 4, false);
    sketch_symbol(&to, "calls.1", "game.c", 96, 4, false);
    to.last = game;
    start(&scene, &from, &to);
    scene.target.statics = false;
    put_int(old_library + 32, 5);
    scene_point(&scene, "/p", old_library + 32);
    scene_move(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/p"), new_library + 64);
    assert_int_equal(get_int(new_library + 64), 0);
    scene_end(&scene);
}

static void a_name_that_several_have_is_followed_nowhere(void **state)
{
    (void)state;
    struct scene scene;
    struct sketch from, to;
    sketch_begin(&from, "struct game {int x;}");
    uint32_t game = from.last;
    sketch_variable(&from, "a.c", "", "count", "int", 16, 0);
    from.last = game;
    sketch_begin(&to, "struct game {int x;}");
    game = to.last;
    sketch_variable(&to, "b.c", "", "count", "int", 32, 0);
    sketch_variable(&to, "c.c", "", "count", "int", 48, 0);
    to.last = game;
    start(&scene, &from, &to);
    put_int(old_library + 16, 5);
    assert_true(plan_keeps_state(scene.plan));
    scene.target.state = scene.old;
    assert_true(plan_rebind(scene.plan, &scene.image, &scene.target, &scene.findings, &scene.err));
    assert_int_equal(get_int(new_library + 32), 0);
    assert_int_equal(get_int(new_library + 48), 0);
    scene_told(&scene, FINDING_DROPPED, "a.c:count");
    scene_told(&scene, FINDING_ADDED, "b.c:count; c.c:count");
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_go_by_their_identity),
        cmocka_unit_test(variables_of_an_image_go_the_same_way),
        cmocka_unit_test(without_statics_variables_are_symbols),
        cmocka_unit_test(a_name_that_several_have_is_followed_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
