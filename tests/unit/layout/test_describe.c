#include "layout/describe.h"

#include "drafts.h"

#include "state/json.h"

#define SPAN 65536

static uint32_t draft_enum(struct draft *draft, const char *name, bool is_signed)
{
    struct layout_enumerator values[] = {
        {.name = draft_string(draft, "CLEAR"), .value = 0},
        {.name = draft_string(draft, "STORM"), .value = is_signed ? (uint64_t)-2 : 1U << 31}};
    struct layout_type type = {.kind = LAYOUT_ENUM,
                               .name = draft_string(draft, name),
                               .target = LAYOUT_NONE,
                               .count = 2,
                               .size = 4,
                               .align = 4,
                               .flags = is_signed ? LAYOUT_SIGNED : 0};
    uint32_t number = draft_reserve(draft);
    draft_fill(draft, number, &type, NULL, values);
    return number;
}

static struct layout *open_draft(struct draft *draft, uint32_t state)
{
    struct error err = {0};
    struct layout *layout = draft_open(draft, state, SPAN, &err);
    assert_string_equal(err.text, "");
    assert_non_null(layout);
    return layout;
}

/* A game with something of everything that C has. */
static struct layout *game(void)
{
    struct draft *draft = draft_create();
    uint32_t state = draft_reserve(draft), node = draft_reserve(draft), vec = draft_reserve(draft);
    uint32_t slot = draft_reserve(draft), either = draft_reserve(draft);
    uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4);
    uint32_t bits = draft_scalar(draft, LAYOUT_UINT, "unsigned int", 4);
    uint32_t real = draft_scalar(draft, LAYOUT_FLOAT, "float", 4);
    uint32_t letter = draft_scalar(draft, LAYOUT_CHAR, "char", 1);
    uint32_t function = draft_scalar(draft, LAYOUT_FUNCTION, "", 0);
    uint32_t opaque = draft_scalar(draft, LAYOUT_UNKNOWN, "texture", 0);
    uint32_t rows = draft_array(draft, draft_array(draft, number, 4), 3);

    struct layout_field of_vec[] = {draft_field(draft, "x", real, 0),
                                    draft_field(draft, "y", real, 4)};
    draft_compound(draft, vec, LAYOUT_STRUCT, "vec2", 8, of_vec, 2);
    struct layout_field of_node[] = {draft_field(draft, "next", draft_pointer(draft, node), 0),
                                     draft_field(draft, "at", vec, 8)};
    draft_compound(draft, node, LAYOUT_STRUCT, "node", 16, of_node, 2);
    struct layout_field of_slot[] = {draft_field(draft, "item", number, 0),
                                     draft_field(draft, "count", letter, 4)};
    draft_compound(draft, slot, LAYOUT_STRUCT, "", 8, of_slot, 2);
    struct layout_field of_either[] = {draft_field(draft, "whole", number, 0),
                                       draft_field(draft, "part", real, 0)};
    draft_compound(draft, either, LAYOUT_UNION, "", 4, of_either, 2);

    struct layout_field fields[] = {
        draft_field(draft, "health", number, 0),
        draft_field(draft, "first", draft_pointer(draft, node), 8),
        draft_field(draft, "wet", bits, 16),
        draft_field(draft, "cold", bits, 17),
        draft_field(draft, "weather", draft_enum(draft, "weather", true), 20),
        draft_field(draft, "", either, 24),
        draft_field(draft, "slots", draft_array(draft, slot, 2), 28),
        draft_field(draft, "row", draft_pointer(draft, rows), 48),
        draft_field(draft, "hit", draft_pointer(draft, function), 56),
        draft_field(draft, "name", draft_array(draft, letter, 5), 64),
        draft_field(draft, "skin", draft_pointer(draft, opaque), 72),
        draft_field(draft, "names", draft_array(draft, draft_pointer(draft, letter), 2), 80)};
    fields[0].old_name = draft_string(draft, "hp");
    fields[2].bits = 3;
    fields[3].bits = 2;
    fields[3].bit = 1;
    fields[5].flags = LAYOUT_MEMBERS;
    fields[10].flags = LAYOUT_TRANSIENT;
    draft_compound(draft, state, LAYOUT_STRUCT, "game", 104, fields, 12);

    struct layout_variable speed = {.file = draft_string(draft, "game.c"),
                                    .name = draft_string(draft, "speed"),
                                    .type = real,
                                    .flags = LAYOUT_CARRIED,
                                    .address = 64};
    struct layout_variable calls = {.file = draft_string(draft, "game.c"),
                                    .function = draft_string(draft, "step"),
                                    .name = draft_string(draft, "calls"),
                                    .type = number,
                                    .reason = draft_string(draft, "it lies in a register")};
    struct layout_variable table = {.name = draft_string(draft, "table"),
                                    .type = draft_array(draft, number, 4),
                                    .flags = LAYOUT_GLOBAL | LAYOUT_RESET};
    draft_variable(draft, &calls);
    draft_variable(draft, &speed);
    draft_variable(draft, &table);
    draft_mark(draft, 128, node);
    draft_mark(draft, 256, node);
    return open_draft(draft, state);
}

static const char game_as_c[] =
    "/* The state is struct game: 104 bytes. In comments: offset and size. */\n"
    "\n"
    "enum weather {\n"
    "    CLEAR = 0,\n"
    "    STORM = -2,\n"
    "};                                          /* 4 bytes, alignment 4 */\n"
    "\n"
    "struct game {\n"
    "    int health;                             /*     0     4, was hp */\n"
    "    /* hole: 4 bytes */\n"
    "    struct node *first;                     /*     8     8 */\n"
    "    unsigned int wet : 3;                   /*    16.0  3 bits */\n"
    "    /* hole: 6 bits */\n"
    "    unsigned int cold : 2;                  /*    17.1  2 bits */\n"
    "    /* hole: 21 bits */\n"
    "    enum weather weather;                   /*    20     4 */\n"
    "    union {\n"
    "        int whole;                          /*    24     4 */\n"
    "        float part;                         /*    24     4 */\n"
    "    };                                      /*    24     4 */\n"
    "    struct {\n"
    "        int item;                           /*    28     4 */\n"
    "        char count;                         /*    32     1 */\n"
    "        /* padding: 3 bytes */\n"
    "    } slots[2];                             /*    28    16 */\n"
    "    /* hole: 4 bytes */\n"
    "    int (*row)[3][4];                       /*    48     8 */\n"
    "    void (*hit)(...);                       /*    56     8 */\n"
    "    char name[5];                           /*    64     5 */\n"
    "    /* hole: 3 bytes */\n"
    "    struct texture *skin;                   /*    72     8, transient */\n"
    "    char *names[2];                         /*    80    16 */\n"
    "    /* padding: 8 bytes */\n"
    "};                                          /* 104 bytes, alignment 8 */\n"
    "\n"
    "struct vec2 {\n"
    "    float x;                                /*     0     4 */\n"
    "    float y;                                /*     4     4 */\n"
    "};                                          /* 8 bytes, alignment 8 */\n"
    "\n"
    "struct node {\n"
    "    struct node *next;                      /*     0     8 */\n"
    "    struct vec2 at;                         /*     8     8 */\n"
    "};                                          /* 16 bytes, alignment 8 */\n"
    "\n"
    "/* hotrun_alloc makes: struct node */\n"
    "\n"
    "/* Variables that are carried over. */\n"
    "static float speed;                         /* game.c, 4 bytes */\n"
    "\n"
    "/* Variables that start anew, and why. */\n"
    "int table[4];                               /* HOTRUN_RESET */\n"
    "static int calls;                           /* game.c, in step: it lies in a register */\n";

static void a_layout_reads_as_c(void **state)
{
    (void)state;
    struct layout *layout = game();
    struct text out = {0};
    assert_true(describe_as_c(layout, &out));
    assert_string_equal(out.data, game_as_c);
    text_finish(&out);
    layout_drop(&layout);
}

/* Whether `json` has all of `facts`, which end with NULL, and is JSON. */
static void check_json(const struct layout *layout, const char *const *facts)
{
    struct text out = {0};
    struct error err = {0};
    assert_true(describe_as_json(layout, &out));
    if (!json_check(out.data, out.len, &err)) {
        fail_msg("%s: %s", err.text, out.data);
    }
    for (; *facts != NULL; facts++) {
        if (strstr(out.data, *facts) == NULL) {
            fail_msg("%s is not in %s", *facts, out.data);
        }
    }
    text_finish(&out);
}

static void a_layout_is_one_json_object_with_all_facts(void **state)
{
    (void)state;
    static const char *const facts[] = {
        "{\"state\":\"struct game\",\"size\":104,\"align\":8,\"hash\":\"",
        "\"kind\":\"struct\",\"name\":\"game\",\"size\":104,\"align\":8,\"fields\":[{\"name\":"
        "\"health\",\"type\":1,\"c\":\"int\",\"offset\":0,\"size\":4,\"was\":\"hp\"},",
        "\"c\":\"unsigned int\",\"offset\":17,\"bit\":1,\"bits\":2}",
        "\"c\":\"struct texture *\",\"offset\":72,\"size\":8,\"transient\":true}",
        "\"offset\":24,\"size\":4,\"anonymous\":true}",
        "\"c\":\"int (*)[3][4]\"",
        "\"c\":\"void (*)(...)\"",
        "\"c\":\"char *[2]\"",
        "\"c\":\"int[3][4]\"",
        "\"kind\":\"undefined\",\"name\":\"texture\"",
        "\"signed\":true,\"enumerators\":[{\"name\":\"CLEAR\",\"value\":0},"
        "{\"name\":\"STORM\",\"value\":-2}]}",
        "\"variables\":[{\"name\":\"speed\",\"file\":\"game.c\",\"function\":\"\",\"global\":false",
        "\"carried\":false,\"reset\":true",
        "\"carried\":false,\"reason\":\"it lies in a register\"}],",
        "\"heap_types\":[{\"type\":",
        "\"c\":\"struct node\",\"size\":16}]}",
        NULL};
    struct layout *layout = game();
    check_json(layout, facts);
    layout_drop(&layout);
}

/* ---- C++ ---- */

static void a_class_is_shown_with_its_bases(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t function = draft_scalar(draft, LAYOUT_FUNCTION, "", 0);
    uint32_t table = draft_pointer(draft, draft_pointer(draft, function));
    uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4);
    uint32_t base = draft_reserve(draft), derived = draft_reserve(draft);
    uint32_t member = draft_scalar(draft, LAYOUT_BYTES, "", 16);
    uint32_t reference = draft_reserve(draft), alias = draft_reserve(draft);
    struct layout_type to_base = {
        .kind = LAYOUT_POINTER, .target = base, .size = 8, .align = 8, .flags = LAYOUT_ONCE};
    draft_fill(draft, reference, &to_base, NULL, NULL);
    struct layout_field of_alias = draft_field(draft, "n", number, 0);
    struct layout_type typedefed = {.kind = LAYOUT_STRUCT,
                                    .name = draft_string(draft, "alias_t"),
                                    .target = LAYOUT_NONE,
                                    .count = 1,
                                    .size = 4,
                                    .align = 4,
                                    .flags = LAYOUT_TYPEDEF | LAYOUT_EXACT};
    draft_fill(draft, alias, &typedefed, &of_alias, NULL);
    struct layout_field of_base[] = {draft_field(draft, "_vptr.base", table, 0),
                                     draft_field(draft, "n", number, 8)};
    of_base[0].flags = LAYOUT_VTABLE;
    draft_compound(draft, base, LAYOUT_STRUCT, "ns::base", 16, of_base, 2);
    struct layout_field of_derived[] = {
        draft_field(draft, "ns::base", base, 0), draft_field(draft, "in_tail", number, 12),
        draft_field(draft, "other", reference, 16), draft_field(draft, "alias", alias, 24),
        draft_field(draft, "member", member, 28)};
    of_derived[0].flags = LAYOUT_BASE;
    draft_compound(draft, derived, LAYOUT_STRUCT, "game", 44, of_derived, 5);
    struct layout *layout = open_draft(draft, derived);
    struct text out = {0};
    assert_true(describe_as_c(layout, &out));
    assert_string_equal(
        out.data,
        "/* The state is struct game: 44 bytes. In comments: offset and size. */\n"
        "\n"
        "struct ns::base {\n"
        "    void (**_vptr.base)(...);               /*     0     8, virtual functions */\n"
        "    int n;                                  /*     8     4 */\n"
        "    /* padding: 4 bytes */\n"
        "};                                          /* 16 bytes, alignment 8 */\n"
        "\n"
        "typedef struct { /* exact: never converted */\n"
        "    int n;                                  /*     0     4 */\n"
        "} alias_t;                                  /* 4 bytes, alignment 4 */\n"
        "\n"
        "struct game {\n"
        "    /* base: ns::base */                    /*     0    16 */\n"
        "    int in_tail;                            /*    12     4 */\n"
        "    ns::base &other;                        /*    16     8 */\n"
        "    alias_t alias;                          /*    24     4 */\n"
        "    unsigned char member[16];               /*    28    16 */\n"
        "};                                          /* 44 bytes, alignment 8 */\n");
    text_finish(&out);
    layout_drop(&layout);
}

static void no_state_is_told_as_such(void **state)
{
    (void)state;
    static const char *const facts[] = {"{\"state\":\"\",\"size\":0,", "\"variables\":[]",
                                        "\"heap_types\":[]}", NULL};
    struct layout *layout = open_draft(draft_create(), LAYOUT_NONE);
    struct text out = {0};
    assert_true(describe_as_c(layout, &out));
    assert_string_equal(out.data, "/* The module has no state. */\n");
    text_finish(&out);
    check_json(layout, facts);
    layout_drop(&layout);
}

/* ---- names of bad will ---- */

static void names_do_not_reach_the_terminal_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *name, *shown, *json;
    } rows[] = {{"\x1b[2J", "\\x1b[2J", "\"\\u001b[2J\""},
                {"a\nb", "a\\x0ab", "\"a\\u000ab\""},
                {"*/ int x; /*", "*\\x2f int x; /*", "\"*/ int x; /*\""},
                {"caf\xc3\xa9", "caf\xc3\xa9", "\"caf\xc3\xa9\""},
                {"\xff\xc3", "\\xff\\xc3", "\"\\ufffd\\ufffd\""},
                {"\xc2\x9b", "\\xc2\\x9b", "\"\\u009b\""},
                {"\xe2\x80\xae", "\\xe2\\x80\\xae", "\"\\u202e\""},
                {"\"\\", "\"\\", "\"\\\"\\\\\""},
                {"%s%n", "%s%n", "\"%s%n\""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct draft *draft = draft_create();
        uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4);
        uint32_t game = draft_reserve(draft);
        struct layout_field field = draft_field(draft, rows[i].name, number, 0);
        field.old_name = field.name;
        draft_compound(draft, game, LAYOUT_STRUCT, rows[i].name, 4, &field, 1);
        struct layout_variable variable = {.file = field.name,
                                           .function = field.name,
                                           .name = field.name,
                                           .type = game,
                                           .reason = field.name};
        draft_variable(draft, &variable);
        draft_mark(draft, 0, game);
        struct layout *layout = open_draft(draft, game);
        struct text out = {0};
        assert_true(describe_as_c(layout, &out));
        assert_non_null(strstr(out.data, rows[i].shown));
        if (strcmp(rows[i].name, rows[i].shown) != 0) {
            assert_null(strstr(out.data, rows[i].name));
        }
        text_finish(&out);
        check_json(layout, (const char *[]){rows[i].json, NULL});
        layout_drop(&layout);
    }
}

static void a_name_without_end_is_cut(void **state)
{
    (void)state;
    char name[3000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct draft *draft = draft_create();
    struct layout *layout = open_draft(draft, draft_scalar(draft, LAYOUT_BYTES, name, 4));
    struct text out = {0};
    assert_true(describe_as_c(layout, &out));
    assert_true(out.len < 1200);
    assert_non_null(strstr(out.data, "xxx...: 4 bytes"));
    text_finish(&out);
    layout_drop(&layout);
}

/* ---- types of bad will ---- */

static void a_pointer_to_itself_is_told(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t pointer = draft_reserve(draft), game = draft_reserve(draft);
    struct layout_type itself = {.kind = LAYOUT_POINTER, .target = pointer, .size = 8, .align = 8};
    draft_fill(draft, pointer, &itself, NULL, NULL);
    struct layout_field field = draft_field(draft, "p", pointer, 0);
    draft_compound(draft, game, LAYOUT_STRUCT, "game", 8, &field, 1);
    struct layout *layout = open_draft(draft, game);
    struct text out = {0};
    assert_true(describe_as_c(layout, &out));
    assert_non_null(strstr(out.data, "    ... ***"));
    text_finish(&out);
    check_json(layout, (const char *[]){"\"kind\":\"pointer\"", NULL});
    layout_drop(&layout);
}

/* struct { struct { ... } *p; } *p, none of which has a name. */
static void unnamed_types_behind_pointers_nest_no_deeper(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t inner = draft_scalar(draft, LAYOUT_INT, "int", 4);
    for (unsigned i = 0; i < 50000; i++) {
        uint32_t outer = draft_reserve(draft);
        struct layout_field field = draft_field(draft, "p", draft_pointer(draft, inner), 0);
        draft_compound(draft, outer, LAYOUT_STRUCT, "", 8, &field, 1);
        inner = outer;
    }
    struct layout *layout = open_draft(draft, inner);
    struct text out = {0};
    assert_true(describe_as_c(layout, &out));
    assert_non_null(strstr(out.data, "struct unnamed_2 *p;"));
    text_finish(&out);
    layout_drop(&layout);
}

/* Each lies twice in the next: what is written must not double with each. */
static void unnamed_types_that_lie_in_two_places_are_written_once(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t inner = draft_scalar(draft, LAYOUT_CHAR, "char", 1);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t outer = draft_reserve(draft);
        struct layout_field both[] = {draft_field(draft, "a", inner, 0),
                                      draft_field(draft, "b", inner, 0)};
        draft_compound(draft, outer, LAYOUT_UNION, "", 1, both, 2);
        inner = outer;
    }
    struct layout *layout = open_draft(draft, inner);
    struct text out = {0};
    assert_true(describe_as_c(layout, &out));
    assert_true(out.len < 10000);
    text_finish(&out);
    layout_drop(&layout);
}

static void what_does_not_fit_is_a_failure_and_no_half_of_it(void **state)
{
    (void)state;
    struct layout *layout = game();
    for (size_t limit = 1; limit < 200; limit++) {
        struct text out = {.limit = limit};
        assert_false(describe_as_c(layout, &out));
        text_finish(&out);
        assert_false(describe_as_json(layout, &out));
        text_finish(&out);
    }
    layout_drop(&layout);
}

static void files_are_named_from_the_folder_that_all_share(void **state)
{
    (void)state;
    static const struct {
        const char *files[3], *shown[3];
    } rows[] = {{{"/home/me/game/src/a.c", "/home/me/game/src/b.c", "/home/me/game/lib/c.c"},
                 {"src/a.c", "src/b.c", "lib/c.c"}},
                {{"/home/me/a.c", "/home/me/a.c", "/home/me/a.c"}, {"a.c", "a.c", "a.c"}},
                {{"/home/a.c", "/home/ab.c", ""}, {"a.c", "ab.c", ""}},
                {{"a.c", "/b/c.c", "d.c"}, {"a.c", "/b/c.c", "d.c"}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct draft *draft = draft_create();
        char expected[512] = "/* The module has no state. */\n\n"
                             "/* Variables that start anew, and why. */\n";
        for (unsigned k = 0; k < 3; k++) {
            const char name[] = {(char)('x' + k), '\0'};
            struct layout_variable variable = {.file = draft_string(draft, rows[i].files[k]),
                                               .name = draft_string(draft, name),
                                               .type = draft_reserve(draft),
                                               .reason = draft_string(draft, "why")};
            draft_variable(draft, &variable);
        }
        struct layout *layout = open_draft(draft, LAYOUT_NONE);
        for (uint32_t k = 0; k < 3; k++) {
            const char *name = layout_string(layout, layout->variables[k].name);
            (void)snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                           "/* %s (%s): why */\n", name, rows[i].shown[name[0] - 'x']);
        }
        struct text out = {0};
        assert_true(describe_as_c(layout, &out));
        assert_string_equal(out.data, expected);
        text_finish(&out);
        layout_drop(&layout);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layout_reads_as_c),
        cmocka_unit_test(a_layout_is_one_json_object_with_all_facts),
        cmocka_unit_test(a_class_is_shown_with_its_bases),
        cmocka_unit_test(no_state_is_told_as_such),
        cmocka_unit_test(names_do_not_reach_the_terminal_as_they_are),
        cmocka_unit_test(a_name_without_end_is_cut),
        cmocka_unit_test(a_pointer_to_itself_is_told),
        cmocka_unit_test(unnamed_types_behind_pointers_nest_no_deeper),
        cmocka_unit_test(unnamed_types_that_lie_in_two_places_are_written_once),
        cmocka_unit_test(files_are_named_from_the_folder_that_all_share),
        cmocka_unit_test(what_does_not_fit_is_a_failure_and_no_half_of_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
