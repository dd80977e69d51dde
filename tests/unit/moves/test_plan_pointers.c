#include "scene.h"

/* ---- into the state ---- */

#define BOARD                                                                                      \
    "struct cell {int x; int y;}; struct game {int *in; int *end; struct cell *cell; void *all; "  \
    "char *byte; struct game *self; int *gone; struct cell cells[4]; int old; int list[3]; int "   \
    "last;}"
#define NEW_BOARD                                                                                  \
    "struct cell {int y; i64 z; int x;}; struct game {int last; int list[6]; int *in; int *end; "  \
    "struct cell *cell; void *all; char *byte; struct game *self; int *gone; struct cell "         \
    "cells[6];}"

static void pointers_into_the_state_go_where_it_went(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, BOARD, NEW_BOARD);
    scene_point(&scene, "/in", scene_old_at(&scene, "/cells/2/y"));
    scene_point(&scene, "/end", scene_old_at(&scene, "/last"));
    scene_point(&scene, "/cell", scene_old_at(&scene, "/cells/3"));
    scene_point(&scene, "/all", scene_old_at(&scene, "/cells"));
    scene_point(&scene, "/byte", (char *)scene_old_at(&scene, "/cells/1/x") + 2);
    scene_point(&scene, "/self", scene.old);
    scene_point(&scene, "/gone", scene_old_at(&scene, "/old"));
    int fallback = 5;
    void *start = &fallback;
    memcpy(scene_fresh_at(&scene, "/gone"), &start, sizeof start);
    scene_move(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/in"), scene_fresh_at(&scene, "/cells/2/y"));
    assert_ptr_equal(scene_pointer(&scene, "/end"), scene_fresh_at(&scene, "/last"));
    assert_ptr_equal(scene_pointer(&scene, "/cell"), scene_fresh_at(&scene, "/cells/3"));
    assert_ptr_equal(scene_pointer(&scene, "/all"), scene_fresh_at(&scene, "/cells"));
    assert_ptr_equal(scene_pointer(&scene, "/byte"),
                     (char *)scene_fresh_at(&scene, "/cells/1/x") + 2);
    assert_ptr_equal(scene_pointer(&scene, "/self"), scene.fresh);
    assert_ptr_equal(scene_pointer(&scene, "/gone"), &fallback);
    scene_told(&scene, FINDING_KEPT, "/gone: led to /old, which is gone, and has its default");
    scene_end(&scene);
}

static void an_end_of_an_array_stays_behind_as_many_elements(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene,
                "struct game {int *end; int *few; double d; int list[3]; float f; int cut[4];}",
                "struct game {int more[2]; int *end; int *few; int cut[2]; int list[5]; float f; "
                "double d;}");
    scene_point(&scene, "/end", (int *)scene_old_at(&scene, "/list") + 3);
    scene_point(&scene, "/few", (int *)scene_old_at(&scene, "/cut") + 4);
    scene_move(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/end"), scene_fresh_at(&scene, "/list/3"));
    assert_ptr_equal(scene_pointer(&scene, "/few"), (int *)scene_fresh_at(&scene, "/cut") + 2);
    scene_told(&scene, FINDING_KEPT, "");
    scene_end(&scene);
}

static void elements_that_were_cut_are_led_to_no_more(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "struct game {int *p; int *q; int a[4];}",
                "struct game {int *p; int *q; int a[2];}");
    scene_point(&scene, "/p", scene_old_at(&scene, "/a/1"));
    scene_point(&scene, "/q", scene_old_at(&scene, "/a/3"));
    scene_move(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/p"), scene_fresh_at(&scene, "/a/1"));
    assert_null(scene_pointer(&scene, "/q"));
    scene_told(&scene, FINDING_KEPT, "/q: led to /a/3, which is gone, and has its default");
    scene_end(&scene);
}

static void a_first_member_is_told_from_its_struct(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene,
                "struct vec {int x;}; struct foe {struct vec at; int hp;}; struct game {struct foe "
                "*foe; struct vec *vec; int *x; struct foe f;}",
                "struct vec {int z; int x;}; struct foe {int hp; struct vec at;}; struct game "
                "{struct foe *foe; struct vec *vec; int *x; struct foe f;}");
    const char *paths[] = {"/foe", "/vec", "/x"};
    for (int i = 0; i < 3; i++) {
        scene_point(&scene, paths[i], scene_old_at(&scene, "/f"));
    }
    scene_move(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/foe"), scene_fresh_at(&scene, "/f"));
    assert_ptr_equal(scene_pointer(&scene, "/vec"), scene_fresh_at(&scene, "/f/at"));
    assert_ptr_equal(scene_pointer(&scene, "/x"), scene_fresh_at(&scene, "/f/at/x"));
    scene_end(&scene);
}

/* ---- into the library ---- */

static unsigned char old_library[4096], new_library[4096];
static const char old_text[] = "\0one\0two\0three";
static const char new_text[] = "\0zero\0two\0one hundred and one!";
static char kept[64];

static const void *keep(void *ctx, const void *bytes, size_t len)
{
    *(int *)ctx += 1;
    assert_in_range(len, 1, sizeof kept);
    memcpy(kept, bytes, len);
    return kept;
}

#define CODE                                                                                       \
    "struct item {int a;}; struct game {function *f; function *g; function *h; int *v; char "      \
    "*one; "                                                                                       \
    "char *two; char *three; struct item *item; vtable void *vt; %s int n;}"

static void start_code(struct scene *scene, const char *more)
{
    struct sketch sketch;
    char text[512];
    (void)snprintf(text, sizeof text, CODE, "");
    sketch_begin(&sketch, text);
    sketch_symbol(&sketch, "tick", NULL, 16, 32, true);
    sketch_symbol(&sketch, "local", "game.c", 48, 16, true);
    sketch_symbol(&sketch, "gone", NULL, 64, 16, true);
    sketch_symbol(&sketch, "table", NULL, 128, 64, false);
    sketch_symbol(&sketch, "_ZTV4Game", NULL, 256, 40, false);
    struct layout *from =
        sketch_end_with(&sketch, &(struct draft_library){4096, 512, sizeof old_text, old_text});
    (void)snprintf(text, sizeof text, CODE, more);
    sketch_begin(&sketch, text);
    sketch_symbol(&sketch, "tick", NULL, 160, 32, true);
    sketch_symbol(&sketch, "local", "other.c", 16, 16, true);
    sketch_symbol(&sketch, "local", "game.c", 32, 16, true);
    sketch_symbol(&sketch, "table", NULL, 300, 64, false);
    sketch_symbol(&sketch, "_ZTV4Game", NULL, 400, 48, false);
    struct layout *to =
        sketch_end_with(&sketch, &(struct draft_library){4096, 600, sizeof new_text, new_text});
    scene_start_with(scene, from, to);
    assert_non_null(scene->plan);
    scene->image.module_base = (uint64_t)(uintptr_t)old_library;
    scene->target.module_base = (uint64_t)(uintptr_t)new_library;
    scene_point(scene, "/f", old_library + 16);
    scene_point(scene, "/g", old_library + 48);
    scene_point(scene, "/h", old_library + 64);
    scene_point(scene, "/v", old_library + 128 + 12);
    scene_point(scene, "/one", old_library + 512 + 1);
    scene_point(scene, "/two", old_library + 512 + 5);
    scene_point(scene, "/three", old_library + 512 + 9);
    scene_point(scene, "/item", old_library + 512 + 1);
    memcpy(scene->old + 64, &(void *){old_library + 256 + 16}, 8);
}

static void check_code(struct scene *scene)
{
    assert_ptr_equal(scene_pointer(scene, "/f"), new_library + 160);
    assert_ptr_equal(scene_pointer(scene, "/g"), new_library + 32);
    assert_ptr_equal(scene_pointer(scene, "/v"), new_library + 300 + 12);
    assert_ptr_equal(scene_pointer(scene, "/two"), new_library + 600 + 6);
}

static void pointers_into_the_library_go_by_name(void **state)
{
    (void)state;
    struct scene scene;
    int keeps = 0;
    start_code(&scene, "int fresh;");
    scene.target.keep = keep;
    scene.target.ctx = &keeps;
    scene_move(&scene);
    check_code(&scene);
    void *table;
    memcpy(&table, scene.fresh + 64, sizeof table);
    assert_ptr_equal(table, new_library + 400 + 16);
    assert_string_equal(scene_pointer(&scene, "/three"), "three");
    assert_ptr_equal(scene_pointer(&scene, "/one"), kept + 0);
    assert_int_equal(keeps, 2);
    assert_ptr_equal(scene_pointer(&scene, "/h"), old_library + 64);
    assert_ptr_equal(scene_pointer(&scene, "/item"), old_library + 513);
    scene_told(&scene, FINDING_KEPT,
               "/h: points to old code: gone is gone; "
               "/item: points into the old library where nothing has a name");
    scene_end(&scene);
}

static void a_dead_librarys_names_live_on_and_the_rest_has_defaults(void **state)
{
    (void)state;
    struct scene scene;
    start_code(&scene, "int fresh;");
    scene.image.alive = false;
    int fallback = 0;
    memcpy(scene_fresh_at(&scene, "/h"), &(void *){&fallback}, 8);
    scene_point(&scene, "/three", &fallback);
    scene_move(&scene);
    check_code(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/h"), &fallback);
    assert_null(scene_pointer(&scene, "/three"));
    scene_told(&scene, FINDING_KEPT,
               "/h: points to old code: gone is gone, and it has its default; "
               "/one: points into the old library where nothing has a name, and it has its "
               "default; /three: led to memory that is gone, and has its default; "
               "/item: points into the old library where nothing has a name, and it has its "
               "default");
    scene_end(&scene);
}

static void rebinding_writes_what_changes_and_nothing_else(void **state)
{
    (void)state;
    struct scene scene;
    start_code(&scene, "");
    assert_true(plan_keeps_state(scene.plan));
    scene_point(&scene, "/one", scene.old + 4);
    scene_set(&scene, "/n", 77);
    scene.target.state = scene.old;
    assert_true(plan_rebind(scene.plan, &scene.image, &scene.target, &scene.findings, &scene.err));
    memcpy(scene.fresh, scene.old, (size_t)scene.image.state_size);
    check_code(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/one"), scene.old + 4);
    scene_expect(&scene, "/n", 77);
    scene_end(&scene);
}

#define PARTS                                                                                      \
    "struct one {vtable void *a; int x;}; struct two {vtable void *b; int y;}; struct held "       \
    "{vtable void *c;}; struct both {%s}; struct game {%s struct both both;}"

static struct layout *parts_layout(const char *both, const char *game, uint64_t address)
{
    struct sketch sketch;
    char text[512];
    (void)snprintf(text, sizeof text, PARTS, both, game);
    sketch_begin(&sketch, text);
    sketch_symbol(&sketch, "_ZTV4both", NULL, address, 72, false);
    sketch_symbol(&sketch, "_ZTV4held", NULL, address + 128, 24, false);
    return sketch_end_with(&sketch, &(struct draft_library){4096, 0, 0, NULL});
}

static void each_part_of_an_object_gets_its_own_table(void **state)
{
    (void)state;
    struct scene scene;
    const uint64_t tables[] = {0, 7, 1, 2, 3, -(uint64_t)24, 7, 4, 5};
    scene_start_with(
        &scene, parts_layout("base struct one one; base struct two two; struct held held;", "", 64),
        parts_layout("base struct two two; int more[2]; base struct one one; struct held held;",
                     "int n;", 256));
    assert_non_null(scene.plan);
    scene.image.module_base = (uint64_t)(uintptr_t)old_library;
    scene.target.module_base = (uint64_t)(uintptr_t)new_library;
    memcpy(new_library + 256, tables, sizeof tables);
    void *old[] = {old_library + 64 + 16, old_library + 64 + 40, old_library + 192 + 16};
    memcpy(scene.old, &old[0], 8);
    memcpy(scene.old + 16, &old[1], 8);
    memcpy(scene.old + 32, &old[2], 8);
    scene_move(&scene);
    void *fresh[3];
    memcpy(&fresh[0], scene.fresh + 8, 8);
    memcpy(&fresh[1], scene.fresh + 32, 8);
    memcpy(&fresh[2], scene.fresh + 48, 8);
    assert_ptr_equal(fresh[0], new_library + 256 + 16);
    assert_ptr_equal(fresh[1], new_library + 256 + 56);
    assert_ptr_equal(fresh[2], new_library + 384 + 16);
    scene_told(&scene, FINDING_KEPT, "");
    memset(new_library + 256, 0, sizeof tables);
    scene_end(&scene);
}

/* ---- elsewhere ---- */

static void foreign_pointers_are_told_when_what_they_lead_to_has_changed(void **state)
{
    (void)state;
    struct scene scene;
    int elsewhere = 0;
    scene_start(&scene,
                "struct node {int a;}; struct same {int a;}; struct game {struct node *list; "
                "struct same *same; void *any;}",
                "struct node {int a; int b;}; struct same {int a;}; struct game {int fresh; struct "
                "node *list; struct same *same; void *any;}");
    scene_point(&scene, "/list", &elsewhere);
    scene_point(&scene, "/same", &elsewhere);
    scene_point(&scene, "/any", &elsewhere);
    scene_move(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/list"), &elsewhere);
    assert_ptr_equal(scene_pointer(&scene, "/same"), &elsewhere);
    assert_ptr_equal(scene_pointer(&scene, "/any"), &elsewhere);
    scene_told(&scene, FINDING_KEPT,
               "/list: points to memory of the module whose struct node has changed, and "
               "which stays as it was: use hotrun_alloc, or reset the state");
    scene_told(&scene, FINDING_CONVERTED, "");
    scene_end(&scene);
}

static void a_word_of_a_union_is_a_pointer_when_it_leads_to_something(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene,
                "struct game {union {u64 n; int *p;} a; union {u64 n; int *p;} b; union {u64 n; "
                "double d;} c; int *p; int x;}",
                "struct game {int x; union {u64 n; int *p;} a; union {u64 n; int *p;} b; union "
                "{u64 n; double d;} c; int *p;}");
    scene_point(&scene, "/a", scene_old_at(&scene, "/x"));
    memcpy(scene_old_at(&scene, "/b"), &(uint64_t){123456}, 8);
    scene_point(&scene, "/c", scene_old_at(&scene, "/x"));
    scene_move(&scene);
    assert_ptr_equal(scene_pointer(&scene, "/a"), scene_fresh_at(&scene, "/x"));
    assert_int_equal((uintptr_t)scene_pointer(&scene, "/b"), 123456);
    assert_ptr_equal(scene_pointer(&scene, "/c"), scene_old_at(&scene, "/x"));
    scene_end(&scene);
}

/* ---- sparse ---- */

struct stretch {
    uint64_t start, end;
    int asked;
};

static bool one_stretch(void *ctx, uint64_t offset, uint64_t *start, uint64_t *end)
{
    struct stretch *stretch = ctx;
    stretch->asked++;
    *start = offset > stretch->start ? offset : stretch->start;
    *end = stretch->end;
    return *start < *end;
}

static void sparse_states_are_read_where_they_hold_something(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene,
                "struct foe {int hp; int x;}; struct game {int a; struct foe foes[100000]; int "
                "b[50000]; int cut[40000];}",
                "struct foe {i64 x; int hp;}; struct game {struct foe foes[120000]; int b[50000]; "
                "int cut[100]; int a;}");
    struct stretch old = {392000, 400100, 0}, fresh = {1606000, 1608000, 0};
    scene.image.data = scene.target.data = one_stretch;
    scene.image.data_ctx = &old;
    scene.target.data_ctx = &fresh;
    scene_set(&scene, "/foes/49999/hp", 5);
    scene_set(&scene, "/foes/49999/x", -5);
    scene_default(&scene, "/foes/100100/hp", 6);
    ((int *)scene_old_at(&scene, "/foes/0"))[0] = 99; /* where it says there is nothing */
    ((int *)scene_old_at(&scene, "/cut/39999"))[0] = 99;
    scene_move(&scene);
    scene_expect(&scene, "/foes/49999/hp", 5);
    scene_expect(&scene, "/foes/49999/x", -5);
    scene_expect(&scene, "/foes/100100/hp", 6);
    scene_expect(&scene, "/foes/0/hp", 0);
    scene_told(&scene, FINDING_LOST, "");
    assert_in_range(old.asked, 1, 20);
    scene_end(&scene);
}

/* The answer takes long for a large one that is full. */
static void a_state_that_stays_is_not_asked_where_it_holds_something(void **state)
{
    (void)state;
    static const char *const types = "struct foe {int hp; int x;}; struct game {struct foe *best; "
                                     "struct foe foes[100000];}";
    struct scene scene;
    struct stretch whole = {.end = UINT64_MAX};
    scene_start(&scene, types, types);
    assert_true(plan_keeps_state(scene.plan));
    scene.image.data = scene.target.data = one_stretch;
    scene.image.data_ctx = scene.target.data_ctx = &whole;
    scene.target.state = scene.old;
    scene_point(&scene, "/best", scene_old_at(&scene, "/foes/7"));
    assert_true(plan_rebind(scene.plan, &scene.image, &scene.target, &scene.findings, &scene.err));
    assert_int_equal(whole.asked, 0);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_into_the_state_go_where_it_went),
        cmocka_unit_test(an_end_of_an_array_stays_behind_as_many_elements),
        cmocka_unit_test(elements_that_were_cut_are_led_to_no_more),
        cmocka_unit_test(a_first_member_is_told_from_its_struct),
        cmocka_unit_test(pointers_into_the_library_go_by_name),
        cmocka_unit_test(a_dead_librarys_names_live_on_and_the_rest_has_defaults),
        cmocka_unit_test(rebinding_writes_what_changes_and_nothing_else),
        cmocka_unit_test(each_part_of_an_object_gets_its_own_table),
        cmocka_unit_test(foreign_pointers_are_told_when_what_they_lead_to_has_changed),
        cmocka_unit_test(a_word_of_a_union_is_a_pointer_when_it_leads_to_something),
        cmocka_unit_test(sparse_states_are_read_where_they_hold_something),
        cmocka_unit_test(a_state_that_stays_is_not_asked_where_it_holds_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
