#include "kinds.h"

static struct layout *layout;
static struct heap *heap;
static struct kinds kinds;
static struct kinds_library library;
static struct kinds_node *nodes;
static struct image image;
static struct text json;

static int start(void **state)
{
    (void)state;
    struct error err;
    layout = kinds_layout();
    heap = heap_create(KINDS_HEAP, 1 << 20, &err);
    if (layout == NULL || heap == NULL) {
        return -1;
    }
    nodes = heap_alloc(heap, layout->marks[0].type, 0, sizeof *nodes, 2, 8);
    struct kinds_node *last = heap_alloc(heap, layout->marks[0].type, 0, sizeof *nodes, 1, 8);
    kinds_fill(&kinds, &library, &nodes[1]);
    nodes[0].value = 10;
    nodes[1].value = 11;
    nodes[1].next = last;
    last->value = 12;
    last->next = nodes; /* a circle */
    image = kinds_image(layout, &kinds, &library, heap);
    return 0;
}

static int end(void **state)
{
    (void)state;
    heap_destroy(heap);
    layout_drop(&layout);
    text_finish(&json);
    return 0;
}

static void each_kind_is_written_as_the_header_says(void **state)
{
    (void)state;
    const char *const lines[] = {
        "{\"on\":true,\"letter\":120,\"i8\":-128,\"u8\":255,\"i16\":-300,\"u32\":4000000000,",
        "\"i64\":\"-9223372036854775808\",\"u64\":9007199254740992,",
        "\"i128\":\"-1267650600228229401496703205377\",\"f\":0.1,\"d\":0.3333333333333333,",
        "\"ld\":0.33333333333333333334,\"mood\":\"MOOD_WILD\",\"name\":\"Zo\xc3\xab "
        "\\\"q\\\"\\n\",",
        "\"few\":[1,2,3],\"many\":{\"$bytes\":\"q6urq6urq6ur",
        "q6urqw==\"},\"signs\":{\"$bytes\":\"gICA",
        "gA==\",\"signed\":true},\"grid\":[[0,10,20],[30,40,50]],",
        "\"at\":{\"x\":1.5,\"y\":-2},",
        "\"points\":[{\"x\":0,\"y\":0},{\"x\":3,\"y\":4},{\"x\":0,\"y\":0}],",
        "\"bits_low\":21,\"bits_high\":100,\"bits_signed\":-3,\"any\":{\"$bytes\":\"AAAgQA==\"},",
        "\"opaque\":{\"$bytes\":\"3q2+7w==\"},\"near\":{\"$ref\":\"/points/1\"},",
        "\"end\":{\"$ref\":\"/points/3\"},\"node\":{\"$ref\":\"/$heap/0/value/1\"},",
        "\"call\":{\"$symbol\":\"advance\",\"file\":\"game.c\"},\"text\":{\"$text\":\"a "
        "literal\"},",
        "\"counter\":{\"$ref\":\"/$statics/src~1game.c/step()/calls\"},\"nothing\":null,",
        "\"foreign\":null,\"inner\":42,",
        "\"$heap\":[{\"type\":\"struct node\",\"count\":2,\"value\":[",
        "{\"value\":10,\"next\":null,\"at\":{\"x\":0,\"y\":0}},",
        "{\"value\":11,\"next\":{\"$ref\":\"/$heap/1/value\"},\"at\":{\"x\":0,\"y\":0}}]},",
        "{\"type\":\"struct "
        "node\",\"value\":{\"value\":12,\"next\":{\"$ref\":\"/$heap/0/value/0\"},",
        "\"$statics\":{\"src/game.c\":{\"speed\":3,\"step()\":{\"calls\":4}}}}",
    };
    const char *at = kinds_json(&image, NULL, &json);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const char *found = strstr(at, lines[i]);
        if (found == NULL) {
            fail_msg("no %s in %s", lines[i], at);
        }
        at = found + strlen(lines[i]);
    }
    assert_string_equal(at, "");
}

static void what_a_pointer_leads_to_is_told_as_exactly_as_a_path_can(void **state)
{
    (void)state;
    const struct {
        const void *address;
        const char *field, *json;
    } rows[] = {
        {&kinds, "/nothing", "{\"$ref\":\"\"}"},
        {&kinds.points[1].y, "/nothing", "{\"$ref\":\"/points/1/y\"}"},
        {&kinds.points[1], "/nothing", "{\"$ref\":\"/points/1\"}"},
        {&kinds.name[3], "/nothing", "{\"$ref\":\"/name+3\"}"},
        {(char *)&kinds.d + 2, "/nothing", "{\"$ref\":\"/d+2\"}"},
        {&kinds + 1, "/nothing", "{\"$ref\":\"+"},
        {&kinds.grid[1][2], "/nothing", "{\"$ref\":\"/grid/1/2\"}"},
        {&kinds.grid[1], "/nothing", "{\"$ref\":\"/grid/1\"}"},
        {&kinds.many[5], "/nothing", "{\"$ref\":\"/many/5\"}"},
        {&library.speed, "/nothing", "{\"$ref\":\"/$statics/src~1game.c/speed\"}"},
        {library.code + 20, "/nothing",
         "{\"$symbol\":\"advance\",\"file\":\"game.c\",\"offset\":4}"},
        {library.text + 10, "/nothing", "{\"$text\":\"another\"}"},
        {(void *)(uintptr_t)0xabc, "/nothing", "{\"$address\":\"0xabc\"}"},
        {(void *)UINTPTR_MAX, "/nothing", "{\"$address\":\"0xffffffffffffffff\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kinds.nothing = (void *)(uintptr_t)rows[i].address;
        const char *found = kinds_json(&image, rows[i].field, &json);
        if (strncmp(found, rows[i].json, strlen(rows[i].json)) != 0) {
            fail_msg("%s is not %s", found, rows[i].json);
        }
    }
}

static void variables_that_are_not_carried_are_symbols(void **state)
{
    (void)state;
    struct error err;
    const struct encode_wanted wanted = {.statics = false, .pointer = "/counter"};
    assert_true(encode_image(&image, &wanted, kinds_append, &json, &err));
    assert_string_equal(text_string(&json), "{\"$symbol\":\"calls\",\"function\":\"step\",\"file\":"
                                            "\"src/game.c\"}");
}

static void a_pointer_names_a_part_without_the_rest(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"/i16", "-300"},
        {"/points/1/y", "4"},
        {"/grid/1", "[30,40,50]"},
        {"/inner", "42"},
        {"/bits_high", "100"},
        {"/node/$ref", "\"/$heap/0/value/1\""},
        {"/$heap/0/value/1/value", "11"},
        {"/$heap/1/type", "\"struct node\""},
        {"/$statics/src~1game.c/speed", "3"},
        {"/$statics/src~1game.c/step()", "{\"calls\":4}"},
        {"/$statics/src~1game.c/step()/calls", "4"},
        {"/$statics/src~1game.c", "{\"speed\":3,\"step()\":{\"calls\":4}}"},
        {"/any/$bytes", "\"AAAgQA==\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(kinds_json(&image, rows[i][0], &json), rows[i][1]);
    }
}

static void what_is_not_there_is_told_with_what_is(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"/at/z", "error /at/z: /at has no \"z\"; it has \"x\", \"y\""},
        {"/leter", "error /leter: the whole has no \"leter\"; it has \"on\", \"letter\", \"i8\", "
                   "\"u8\", \"i16\", \"u32\" and 30 more; did you mean \"letter\"?"},
        {"/points/3", "error /points/3: /points has 3 items, 0 to 2"},
        {"/points/one", "error /points/one: expected the number of an item of /points, without "
                        "leading zeros, found \"one\": /points has 3 items, 0 to 2"},
        {"/i16/x", "error /i16/x: /i16 is a number, there is nothing in it"},
        {"/name/0", "error /name/0: /name is a string, there is nothing in it"},
        {"/$heap/2", "error /$heap/2: /$heap has 2 items, 0 to 1"},
        {"/$heap/0/what", "error /$heap/0/what: /$heap/0 has no \"what\"; it has \"type\", "
                          "\"count\", \"value\""},
        {"/$statics/main.c", "error /$statics/main.c: /$statics has no \"main.c\"; it has "
                             "\"src/game.c\""},
        {"/$statics/src~1game.c/sped",
         "error /$statics/src~1game.c/sped: /$statics/src~1game.c has no \"sped\"; it has "
         "\"speed\", \"step()\"; did you mean \"speed\"?"},
        {"hp", "error hp: expected a JSON pointer, which begins with '/' (/player/hp) or is empty "
               "(the whole state)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(kinds_json(&image, rows[i][0], &json), rows[i][1]);
    }
}

static bool refuse(void *ctx, const char *text, size_t len)
{
    (void)text;
    return ++*(int *)ctx < 1 && len > 0;
}

static void a_writer_that_has_enough_ends_the_work(void **state)
{
    (void)state;
    struct error err = {0};
    const struct encode_wanted wanted = {.statics = true};
    int calls = 0;
    assert_false(encode_image(&image, &wanted, refuse, &calls, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_int_equal(calls, 1);
}

static void a_state_that_is_shorter_than_its_layout_is_refused(void **state)
{
    (void)state;
    image.state_size--;
    assert_non_null(strstr(kinds_json(&image, NULL, &json), "error the image is damaged"));
}

/* ---- other states ---- */

/* The JSON of a block of bytes with a state of that type. */
static void expect_json(struct draft *draft, uint32_t type, void *bytes, size_t len,
                        const char *expected)
{
    struct error err;
    struct layout *own = draft_open(draft, type, 0, &err);
    struct image of = {.layout = own, .state = bytes, .state_size = len, .state_address = 4096};
    if (own == NULL) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(kinds_json(&of, NULL, &json), expected);
    layout_drop(&own);
}

static void a_state_that_is_no_struct_stands_alone(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    int numbers[3] = {1, 0, -1};
    uint32_t type = draft_array(draft, draft_scalar(draft, LAYOUT_INT, "int", 4), 3);
    expect_json(draft, type, numbers, sizeof numbers, "[1,0,-1]");
    expect_json(draft_create(), LAYOUT_NONE, NULL, 0, "{}");
}

static void names_that_stand_twice_are_told_apart(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    int numbers[6] = {1, 2, 3, 4, 5, 6};
    uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4);
    uint32_t base = draft_reserve(draft), either = draft_reserve(draft), all = draft_reserve(draft);
    struct layout_field inside = draft_field(draft, "a", number, 0);
    struct layout_field both[] = {draft_field(draft, "i", number, 0),
                                  draft_field(draft, "j", number, 0)};
    struct layout_field fields[] = {
        draft_field(draft, "base", base, 0), draft_field(draft, "base", number, 4),
        draft_field(draft, "$heap", number, 8), draft_field(draft, "", either, 12),
        draft_field(draft, "_vptr", draft_pointer(draft, number), 16)};
    fields[0].flags = LAYOUT_BASE;
    fields[3].flags = LAYOUT_MEMBERS;
    fields[4].flags = LAYOUT_VTABLE;
    draft_compound(draft, base, LAYOUT_STRUCT, "base", 4, &inside, 1);
    draft_compound(draft, either, LAYOUT_UNION, "", 4, both, 2);
    draft_compound(draft, all, LAYOUT_STRUCT, "all", 24, fields, 5);
    expect_json(
        draft, all, numbers, sizeof numbers,
        "{\"base\":{\"a\":1},\"all::base\":2,\"$$heap\":3,\"i|j\":{\"$bytes\":\"BAAAAA==\"}}");
}

static void strings_end_where_zeros_begin_and_others_are_bytes(void **state)
{
    (void)state;
    struct {
        char bytes[8];
        const char *json;
    } rows[] = {
        {"", "\"\""},
        {"ab", "\"ab\""},
        {"abcdefgh", "\"abcdefgh\""},
        {"a\0b", "\"a\\u0000b\""},
        {"\x1b[1m", "\"\\u001b[1m\""},
        {"\xff", "{\"$bytes\":\"/wAAAAAAAAA=\",\"text\":true}"},
        {"abcdefg\xc3", "{\"$bytes\":\"YWJjZGVmZ8M=\",\"text\":true}"},
        {"\xe2\x82\xac", "\"\xe2\x82\xac\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct draft *draft = draft_create();
        uint32_t type = draft_array(draft, draft_scalar(draft, LAYOUT_CHAR, "char", 1), 8);
        expect_json(draft, type, rows[i].bytes, 8, rows[i].json);
    }
}

static void long_runs_of_zeros_are_written_like_others(void **state)
{
    (void)state;
    size_t count = 100003;
    struct kinds_point *points = calloc(count, sizeof *points);
    struct draft *draft = draft_create();
    struct kinds_types t;
    struct text expected = {0};
    kinds_scalars(draft, &t);
    kinds_structs(draft, &t);
    points[70000].y = 1;
    for (size_t i = 0; i < count; i++) {
        (void)text_printf(&expected, "%c{\"x\":0,\"y\":%d}", i == 0 ? '[' : ',', i == 70000);
    }
    (void)text_puts(&expected, "]");
    expect_json(draft, draft_array(draft, t.point, count), points, count * sizeof *points,
                text_string(&expected));
    text_finish(&expected);
    free(points);
}

static void long_strings_come_whole(void **state)
{
    (void)state;
    size_t len = 100000;
    char *bytes = malloc(len);
    struct text expected = {0};
    struct draft *draft = draft_create();
    (void)text_puts(&expected, "\"");
    for (size_t i = 0; i + 4 <= len; i += 4) {
        memcpy(bytes + i, i % 3 == 0 ? "\xc3\xabx\n" : "abcd", 4);
        (void)text_puts(&expected, i % 3 == 0 ? "\xc3\xabx\\n" : "abcd");
    }
    (void)text_puts(&expected, "\"");
    uint32_t type = draft_array(draft, draft_scalar(draft, LAYOUT_CHAR, "char", 1), len);
    expect_json(draft, type, bytes, len, text_string(&expected));
    text_finish(&expected);
    free(bytes);
}

struct stretch { /* what alone may be read of a state */
    uint64_t start, end;
};

static bool data_of(void *ctx, uint64_t offset, uint64_t *start, uint64_t *end)
{
    const struct stretch *stretch = ctx;
    *start = offset > stretch->start ? offset : stretch->start;
    *end = stretch->end;
    return offset < stretch->end;
}

static void holes_of_a_sparse_state_are_not_read(void **state)
{
    (void)state;
    struct error err;
    struct text expected = {0};
    size_t count = 3 * 4096, size = count * sizeof(int);
    int *numbers = calloc(count, sizeof *numbers);
    struct stretch stretch = {4096 * sizeof(int), 4100 * sizeof(int)};
    struct draft *draft = draft_create();
    uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4);
    struct layout *own = draft_open(draft, draft_array(draft, number, count), 0, &err);
    struct image of = {.layout = own,
                       .state = (unsigned char *)numbers,
                       .state_size = size,
                       .state_address = 4096,
                       .data = data_of,
                       .data_ctx = &stretch};
    assert_non_null(own);
    numbers[1] = numbers[5000] = 7; /* seen where it is read though nobody should */
    numbers[4097] = 5;
    for (size_t i = 0; i < count; i++) {
        (void)text_printf(&expected, "%c%d", i == 0 ? '[' : ',', i == 4097 ? 5 : 0);
    }
    (void)text_puts(&expected, "]");
    assert_string_equal(kinds_json(&of, NULL, &json), text_string(&expected));
    text_finish(&expected);
    layout_drop(&own);
    free(numbers);
}

static void elements_without_a_size_are_left_out(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t empty = draft_reserve(draft);
    draft_compound(draft, empty, LAYOUT_STRUCT, "empty", 0, NULL, 0);
    expect_json(draft, draft_array(draft, empty, UINT64_MAX / 2), NULL, 0, "[]");
}

static void fields_that_lie_in_each_other_without_end_are_refused(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    unsigned char byte = 1;
    struct error err;
    uint32_t type = draft_scalar(draft, LAYOUT_UINT, "unsigned char", 1);
    for (int level = 0; level < 16; level++) { /* 2^16 values in one byte */
        const struct layout_field two[] = {draft_field(draft, "a", type, 0),
                                           draft_field(draft, "b", type, 0)};
        type = draft_reserve(draft);
        draft_compound(draft, type, LAYOUT_STRUCT, "twice", 1, two, 2);
    }
    struct layout *own = draft_open(draft, type, 0, &err);
    struct image of = {.layout = own, .state = &byte, .state_size = 1, .state_address = 4096};
    if (own == NULL) {
        fail_msg("%s", err.text);
    }
    assert_non_null(strstr(kinds_json(&of, NULL, &json), "lie in each other"));
    layout_drop(&own);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(each_kind_is_written_as_the_header_says),
        EACH(what_a_pointer_leads_to_is_told_as_exactly_as_a_path_can),
        EACH(variables_that_are_not_carried_are_symbols),
        EACH(a_pointer_names_a_part_without_the_rest),
        EACH(what_is_not_there_is_told_with_what_is),
        EACH(a_writer_that_has_enough_ends_the_work),
        EACH(a_state_that_is_shorter_than_its_layout_is_refused),
        EACH(a_state_that_is_no_struct_stands_alone),
        EACH(names_that_stand_twice_are_told_apart),
        EACH(strings_end_where_zeros_begin_and_others_are_bytes),
        EACH(long_runs_of_zeros_are_written_like_others),
        EACH(long_strings_come_whole),
        EACH(holes_of_a_sparse_state_are_not_read),
        EACH(elements_without_a_size_are_left_out),
        EACH(fields_that_lie_in_each_other_without_end_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
