#include "scene.h"

static void fields_go_where_their_names_are(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "struct game {int a; double b; u8 gone; i64 c;}",
                "struct game {i64 c; int fresh; int a; double b;}");
    scene_set(&scene, "/a", 7);
    scene_set(&scene, "/b", 2.5);
    scene_set(&scene, "/gone", 9);
    scene_set(&scene, "/c", -3);
    scene_default(&scene, "/fresh", 42);
    assert_false(plan_keeps_state(scene.plan));
    scene_move(&scene);
    scene_expect(&scene, "/a", 7);
    scene_expect(&scene, "/b", 2.5);
    scene_expect(&scene, "/c", -3);
    scene_expect(&scene, "/fresh", 42);
    scene_told(&scene, FINDING_ADDED, "/fresh");
    scene_told(&scene, FINDING_DROPPED, "/gone");
    scene_told(&scene, FINDING_CONVERTED, "");
    scene_told(&scene, FINDING_LOST, "");
    scene_told(&scene, FINDING_KEPT, "");
    scene_end(&scene);
}

static void equal_layouts_stay_in_place(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene,
                "struct game {int a; char name[9]; struct {int x; union {int i; float f;};} in;}",
                "struct game {int a; char name[9]; struct {int x; union {int i; float f;};} in;}");
    assert_true(plan_keeps_state(scene.plan));
    scene_end(&scene);
}

static void a_new_field_in_padding_keeps_its_default(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "struct game {u8 a; double b; double c;}",
                "struct game {u8 a; u8 fresh; double b; double c;}");
    memset(scene.old, 0xee, (size_t)scene.image.state_size);
    scene_set(&scene, "/a", 1);
    scene_set(&scene, "/b", 2);
    scene_set(&scene, "/c", 3);
    scene_default(&scene, "/fresh", 77);
    assert_false(plan_keeps_state(scene.plan));
    scene_move(&scene);
    scene_expect(&scene, "/a", 1);
    scene_expect(&scene, "/b", 2);
    scene_expect(&scene, "/c", 3);
    scene_expect(&scene, "/fresh", 77);
    scene_end(&scene);
}

static void scalars_are_converted_and_losses_told_by_path(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "struct game {int wide; int narrow; float real; double whole; int truth;}",
                "struct game {i64 wide; u8 narrow; double real; int whole; bool truth;}");
    scene_set(&scene, "/wide", -5);
    scene_set(&scene, "/narrow", 300);
    scene_set(&scene, "/real", 0.5);
    scene_set(&scene, "/whole", 2.75);
    scene_set(&scene, "/truth", 1);
    scene_move(&scene);
    scene_expect(&scene, "/wide", -5);
    scene_expect(&scene, "/narrow", 255);
    scene_expect(&scene, "/real", 0.5);
    scene_expect(&scene, "/whole", 2);
    scene_expect(&scene, "/truth", 1);
    scene_told(&scene, FINDING_CONVERTED,
               "/wide: int to i64; /narrow: int to u8; /real: float to double; "
               "/whole: double to int; /truth: int to bool");
    scene_told(&scene, FINDING_LOST, "/narrow: 300 became 255; /whole: 2.75 became 2");
    scene_end(&scene);
}

static void elements_are_told_by_their_numbers_and_counted(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "struct foe {int hp; int x;}; struct game {struct foe foes[100];}",
                "struct foe {int x; u8 hp;}; struct game {struct foe foes[100];}");
    for (int i = 0; i < 100; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/foes/%d/hp", i);
        scene_set(&scene, path, i < 3 ? 9 : 1000 + i);
        (void)snprintf(path, sizeof path, "/foes/%d/x", i);
        scene_set(&scene, path, -i);
    }
    scene_move(&scene);
    scene_expect(&scene, "/foes/2/hp", 9);
    scene_expect(&scene, "/foes/99/hp", 255);
    scene_expect(&scene, "/foes/99/x", -99);
    scene_told(&scene, FINDING_CONVERTED, "/foes/*/hp: int to u8");
    assert_int_equal(scene.findings.count[FINDING_LOST], 97);
    assert_int_equal(findings_more(&scene.findings, FINDING_LOST), 97 - FINDINGS_TOLD);
    assert_memory_equal(scene.findings.list[FINDING_LOST].data, "/foes/3/hp: 1003 became 255", 28);
    scene_end(&scene);
}

static void a_renamed_field_takes_the_old_ones_value(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "struct game {int hp; int mana; int x;}",
                "struct game {int x; was(hp) int health; was(mana) i64 magic; int hp;}");
    scene_set(&scene, "/hp", 5);
    scene_set(&scene, "/mana", 6);
    scene_set(&scene, "/x", 7);
    scene_default(&scene, "/hp", 100);
    scene_move(&scene);
    scene_expect(&scene, "/health", 5);
    scene_expect(&scene, "/magic", 6);
    scene_expect(&scene, "/x", 7);
    scene_expect(&scene, "/hp", 100);
    scene_told(&scene, FINDING_DROPPED, "");
    scene_told(&scene, FINDING_ADDED, "/hp");
    scene_told(&scene, FINDING_CONVERTED, "/health: was hp; /magic: was mana; /magic: int to i64");
    scene_end(&scene);

    /* The old layout has the new name already: the mark has done its work. */
    scene_start(&scene, "struct game {int hp; int health;}",
                "struct game {was(hp) int health; int hp;}");
    scene_set(&scene, "/hp", 5);
    scene_set(&scene, "/health", 6);
    scene_move(&scene);
    scene_expect(&scene, "/health", 6);
    scene_expect(&scene, "/hp", 5);
    scene_end(&scene);

    scene_start(&scene, "struct game {int hp; int x;}", "struct game {was(hp) int health; int x;}");
    assert_true(plan_keeps_state(scene.plan));
    scene_end(&scene);
}

static void transient_fields_have_their_default_on_each_reload(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene,
                "struct game {int a; transient int b; struct {transient int c; int d;} in;}",
                "struct game {int a; transient int b; struct {transient int c; int d;} in;}");
    assert_false(plan_keeps_state(scene.plan));
    scene_set(&scene, "/a", 1);
    scene_set(&scene, "/b", 2);
    scene_set(&scene, "/in/c", 3);
    scene_set(&scene, "/in/d", 4);
    scene_default(&scene, "/b", 20);
    scene_default(&scene, "/in/c", 30);
    scene_move(&scene);
    scene_expect(&scene, "/a", 1);
    scene_expect(&scene, "/b", 20);
    scene_expect(&scene, "/in/c", 30);
    scene_expect(&scene, "/in/d", 4);
    scene_told(&scene, FINDING_ADDED, "");
    scene_told(&scene, FINDING_DROPPED, "");
    scene_end(&scene);
}

static void an_edit_keeps_transient_fields(void **state)
{
    (void)state;
    struct scene scene;
    const char *text = "struct game {int a; transient int b; struct {transient int c; int d;} in;}";
    scene_start(&scene, text, text);
    plan_destroy(scene.plan);
    scene.plan = plan_create_whole(scene.from, scene.to, &scene.err);
    assert_true(plan_keeps_state(scene.plan));
    scene_set(&scene, "/b", 2);
    scene_set(&scene, "/in/c", 3);
    scene_default(&scene, "/b", 20);
    scene_move(&scene);
    scene_expect(&scene, "/b", 2);
    scene_expect(&scene, "/in/c", 3);
    scene_end(&scene);
}

static void what_is_exact_may_not_change(void **state)
{
    (void)state;
    struct scene scene;
    const char *old = "struct vec {exact; float x; float y;}; struct foe {struct vec at; int hp;}; "
                      "struct game {struct foe foes[4];}";
    scene_start(&scene, old,
                "struct vec {exact; float x; float y;}; struct foe {int hp; struct vec at;}; "
                "struct game {int fresh; struct foe foes[8];}");
    scene_end(&scene);
    static const char *const refused[] = {
        "struct vec {exact; float x; float y; float z;}; struct foe {struct vec at; int hp;}; "
        "struct game {struct foe foes[4];}",
        "struct vec {float x; double y;}; struct foe {int hp; struct vec at;}; "
        "struct game {struct foe foes[4];}",
        "struct vec {exact; float y; float x;}; struct foe {struct vec at; int hp;}; "
        "struct game {struct foe foes[4];}",
        "struct foe {int at; int hp;}; struct game {struct foe foes[4];}"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        scene_start_with(&scene, sketch_layout(old), sketch_layout(refused[i]));
        assert_null(scene.plan);
        assert_int_equal(scene.err.code, ERROR_REFUSED);
        assert_non_null(strstr(scene.err.text, "/foes/*/at: struct vec is marked HOTRUN_EXACT"));
        scene_end(&scene);
    }
}

static void enums_go_by_name(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "enum mode {IDLE, RUN, JUMP}; struct game {enum mode a[3]; int n;}",
                "enum mode {JUMP, IDLE, SLIDE, RUN}; struct game {enum mode a[3]; int n;}");
    memcpy(scene.old, (int[]){1, 0, 55}, 12);
    scene_move(&scene);
    scene_expect(&scene, "/a/0", 3);
    scene_expect(&scene, "/a/1", 1);
    scene_expect(&scene, "/a/2", 55);
    scene_told(&scene, FINDING_CONVERTED, "/a/*: enum mode has changed");
    scene_end(&scene);

    scene_start(&scene, "enum mode {IDLE, RUN}; struct game {enum mode a;}",
                "enum mode {IDLE, RUN, JUMP}; struct game {enum mode a;}");
    assert_true(plan_keeps_state(scene.plan));
    scene_end(&scene);
}

static void arrays_grow_and_shrink(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(
        &scene,
        "struct game {int grown[2]; int cut[4]; int zero[4]; int grid[2][3]; int one; int few[1];}",
        "struct game {int grown[4]; int cut[2]; int zero[2]; i64 grid[3][2]; int one[1]; int "
        "few;}");
    for (int i = 0; i < 4; i++) {
        ((int *)scene_old_at(&scene, "/cut"))[i] = i + 1;
        ((int *)scene_old_at(&scene, "/zero"))[i] = i < 2;
    }
    for (int i = 0; i < 6; i++) {
        ((int *)scene_old_at(&scene, "/grid"))[i] = i + 1;
    }
    scene_set(&scene, "/grown/1", 8);
    scene_set(&scene, "/one", 11);
    scene_set(&scene, "/few/0", 12);
    scene_default(&scene, "/grown/3", 33);
    scene_default(&scene, "/grid/2/1", 44);
    scene_move(&scene);
    scene_expect(&scene, "/grown/1", 8);
    scene_expect(&scene, "/grown/3", 33);
    scene_expect(&scene, "/cut/1", 2);
    scene_expect(&scene, "/grid/0/1", 2);
    scene_expect(&scene, "/grid/1/0", 4);
    scene_expect(&scene, "/grid/2/1", 44);
    scene_expect(&scene, "/one/0", 11);
    scene_expect(&scene, "/few", 12);
    scene_told(&scene, FINDING_LOST,
               "/cut: cut from 4 to 2 elements; /grid/0: cut from 3 to 2 elements; "
               "/grid/1: cut from 3 to 2 elements");
    scene_end(&scene);
}

struct text_case {
    const char *old;
    size_t from, to;
    const char *is;
    bool lost;
};

static void texts_are_cut_at_characters(void **state)
{
    (void)state;
    static const struct text_case cases[] = {{"hello", 8, 16, "hello", false},
                                             {"hello", 16, 6, "hello", false},
                                             {"hello", 16, 5, "hell", true},
                                             {"h\xc3\xa4llo", 16, 3, "h", true},
                                             {"h\xc3\xa4llo", 16, 4, "h\xc3\xa4", true},
                                             {"12345678", 8, 8, "12345678", false},
                                             {"12345678", 8, 4, "1234", true},
                                             {"12345678", 8, 9, "12345678", false},
                                             {"ab\0garbage", 16, 4, "ab", false},
                                             {"", 8, 1, "", false},
                                             {"\xff\xff\xff\xff", 8, 3, "\xff\xff", true},
                                             {"\xf0\x9f\x98\x80", 8, 4, "", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        char from[64], to[64];
        (void)snprintf(from, sizeof from, "struct game {char name[%zu]; int x;}", cases[i].from);
        (void)snprintf(to, sizeof to, "struct game {int x; char name[%zu];}", cases[i].to);
        scene_start(&scene, from, to);
        memcpy(scene.old, cases[i].old, i == 8 ? 10 : strlen(cases[i].old));
        char *name = scene_fresh_at(&scene, "/name");
        memset(name, 'x', cases[i].to);
        scene_move(&scene);
        char expected[32] = {0};
        (void)snprintf(expected, sizeof expected, "%s", cases[i].is);
        assert_memory_equal(name, expected, cases[i].to);
        assert_int_equal(scene.findings.count[FINDING_LOST], cases[i].lost);
        assert_int_equal(scene.findings.count[FINDING_CONVERTED], cases[i].from != cases[i].to);
        scene_end(&scene);
    }
}

static void bytes_of_one_size_are_bytes(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "struct game {char a[4]; u8 b[6]; blob8 same; blob8 other; i8 s[2];}",
                "struct game {u8 a[6]; char b[4]; blob8 same; blob16 other; u8 s[2];}");
    memcpy(scene.old, "\xff\x80zz\x01\x02\x03\x04\x05\x06", 10);
    memcpy(scene_old_at(&scene, "/same"), "12345678", 8);
    memcpy(scene_old_at(&scene, "/s"), "\xff\x05", 2);
    memset(scene_fresh_at(&scene, "/a"), 7, 6);
    scene_move(&scene);
    assert_memory_equal(scene_fresh_at(&scene, "/a"), "\xff\x80zz\x07\x07", 6);
    assert_memory_equal(scene_fresh_at(&scene, "/b"), "\x01\x02\x03\x04", 4);
    assert_memory_equal(scene_fresh_at(&scene, "/same"), "12345678", 8);
    assert_memory_equal(scene_fresh_at(&scene, "/s"), "\0\x05", 2);
    scene_told(&scene, FINDING_LOST, "/b: cut from 6 to 4 elements; /s/0: -1 became 0");
    scene_told(&scene, FINDING_DROPPED, "/other: blob8");
    scene_told(&scene, FINDING_ADDED, "/other: blob16");
    scene_end(&scene);
}

static void bit_fields_become_other_integers(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(
        &scene, "struct game {unsigned a@3; int b@5; unsigned c@9; int d; bool e@1; int f@4;}",
        "struct game {int d@7; i64 b; unsigned fresh@4; unsigned a@2; u8 c; bool e; int f@4;}");
    scene_set(&scene, "/a", 7);
    scene_set(&scene, "/b", -16);
    scene_set(&scene, "/c", 300);
    scene_set(&scene, "/d", 60);
    scene_set(&scene, "/e", 1);
    scene_set(&scene, "/f", -8);
    scene_default(&scene, "/fresh", 9);
    scene_move(&scene);
    scene_expect(&scene, "/a", 3);
    scene_expect(&scene, "/b", -16);
    scene_expect(&scene, "/c", 255);
    scene_expect(&scene, "/d", 60);
    scene_expect(&scene, "/e", 1);
    scene_expect(&scene, "/f", -8);
    scene_expect(&scene, "/fresh", 9);
    scene_told(&scene, FINDING_LOST, "/a: 7 became 3; /c: 300 became 255");
    scene_told(&scene, FINDING_CONVERTED,
               "/d: int to int : 7; /b: int : 5 to i64; /a: unsigned : 3 to unsigned : 2; "
               "/c: unsigned : 9 to u8; /e: bool : 1 to bool");
    scene_end(&scene);
}

static void nested_and_nameless_members_are_found(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene,
                "struct vec {float x; float y;}; struct game {struct {int a; struct {int b; struct "
                "vec v;};}; struct vec w; union {int i; float f;}; int z;}",
                "struct vec {float y; float z; float x;}; struct game {int z; int b; union {float "
                "f; int i;}; struct vec v; struct {int a;}; struct vec w;}");
    scene_set(&scene, "/a", 1);
    scene_set(&scene, "/b", 2);
    scene_set(&scene, "/v/x", 3);
    scene_set(&scene, "/v/y", 4);
    scene_set(&scene, "/w/x", 5);
    scene_set(&scene, "/z", 6);
    memcpy(scene.old + 24, &(float){1.5f}, 4);
    scene_move(&scene);
    scene_expect(&scene, "/a", 1);
    scene_expect(&scene, "/b", 2);
    scene_expect(&scene, "/v/x", 3);
    scene_expect(&scene, "/v/y", 4);
    scene_expect(&scene, "/w/x", 5);
    scene_expect(&scene, "/z", 6);
    assert_memory_equal(scene.fresh + 8, &(float){1.5f}, 4);
    scene_told(&scene, FINDING_ADDED, "/v/z");
    scene_told(&scene, FINDING_DROPPED, "");
    scene_end(&scene);
}

static void unions_are_never_guessed(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        bool moved;
    } cases[] = {
        {"union {int i; float f;} u;", "union {float f; int i;} u;", true},
        {"union {int i; float f;} u;", "union {int i; float f; u8 b[4];} u;", true},
        {"union {int i; float f;} u;", "union {int i; float f; double d;} u;", true},
        {"union {int i; float f;} u;", "union {int i;} u;", false},
        {"union {int i; float f;} u;", "union {i64 i; float f;} u;", false},
        {"union {int i; float f;} u;", "struct {int i; float f;} u;", false},
        {"struct {int i;} u;", "union {int i;} u;", false},
        {"union {int i; float f;} u;", "int u;", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene;
        char from[128], to[128];
        (void)snprintf(from, sizeof from, "struct game {double pad; %s}", cases[i].from);
        (void)snprintf(to, sizeof to, "struct game {%s double pad;}", cases[i].to);
        scene_start(&scene, from, to);
        memcpy(scene.old + 8, "\1\2\3\4", 4);
        memset(scene.fresh, 9, 4);
        scene_move(&scene);
        assert_memory_equal(scene.fresh, cases[i].moved ? "\1\2\3\4" : "\11\11\11\11", 4);
        assert_int_equal(scene.findings.count[FINDING_DROPPED], !cases[i].moved);
        assert_int_equal(scene.findings.count[FINDING_ADDED], !cases[i].moved);
        scene_end(&scene);
    }
}

static void base_classes_go_by_name(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene,
                "struct A {int x;}; struct B {int y;}; struct game {base struct A A; base struct B "
                "B; int A2;}",
                "struct A {int x; int more;}; struct B {int y;}; struct game {base struct B B; "
                "base struct A A; int A2;}");
    scene_set(&scene, "/A/x", 1);
    scene_set(&scene, "/B/y", 2);
    scene_move(&scene);
    scene_expect(&scene, "/A/x", 1);
    scene_expect(&scene, "/B/y", 2);
    scene_told(&scene, FINDING_ADDED, "/A/more");
    scene_end(&scene);
}

static void what_can_not_be_carried_is_told_as_dropped_and_added(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "struct v {int a;}; struct game {int n; struct v v; int list[3]; void *p;}",
                "struct v {int a;}; struct game {struct v n; int v; int list; u64 p;}");
    scene_set(&scene, "/n", 5);
    scene_set(&scene, "/v/a", 6);
    scene_default(&scene, "/n/a", 50);
    scene_default(&scene, "/v", 60);
    scene_move(&scene);
    scene_expect(&scene, "/n/a", 50);
    scene_expect(&scene, "/v", 60);
    scene_told(&scene, FINDING_DROPPED, "/n: int; /v: struct v; /list: int[3]; /p: void *");
    scene_told(&scene, FINDING_ADDED, "/n: struct v; /v: int; /list: int; /p: u64");
    scene_end(&scene);
}

static void a_module_without_state_has_nothing_to_move(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, "", "");
    assert_true(plan_keeps_state(scene.plan));
    scene_move(&scene);
    scene_end(&scene);
    scene_start(&scene, "", "struct game {int a;}");
    assert_false(plan_keeps_state(scene.plan));
    scene_move(&scene);
    scene_end(&scene);
    scene_start(&scene, "struct game {int a;}", "");
    scene_move(&scene);
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_go_where_their_names_are),
        cmocka_unit_test(equal_layouts_stay_in_place),
        cmocka_unit_test(a_new_field_in_padding_keeps_its_default),
        cmocka_unit_test(scalars_are_converted_and_losses_told_by_path),
        cmocka_unit_test(elements_are_told_by_their_numbers_and_counted),
        cmocka_unit_test(a_renamed_field_takes_the_old_ones_value),
        cmocka_unit_test(transient_fields_have_their_default_on_each_reload),
        cmocka_unit_test(an_edit_keeps_transient_fields),
        cmocka_unit_test(what_is_exact_may_not_change),
        cmocka_unit_test(enums_go_by_name),
        cmocka_unit_test(arrays_grow_and_shrink),
        cmocka_unit_test(texts_are_cut_at_characters),
        cmocka_unit_test(bytes_of_one_size_are_bytes),
        cmocka_unit_test(bit_fields_become_other_integers),
        cmocka_unit_test(nested_and_nameless_members_are_found),
        cmocka_unit_test(unions_are_never_guessed),
        cmocka_unit_test(base_classes_go_by_name),
        cmocka_unit_test(what_can_not_be_carried_is_told_as_dropped_and_added),
        cmocka_unit_test(a_module_without_state_has_nothing_to_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
