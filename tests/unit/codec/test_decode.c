#include "kinds.h"

#include "layout/findings.h"

static struct layout *layout;
static struct heap *heap;
static struct kinds kinds;
static struct kinds_library library;
static struct target target;
static struct findings findings;
static struct text json, again;
static struct error err;

static const void *keep(void *ctx, const void *bytes, size_t len)
{
    char *kept = ctx;
    if (len > 64) {
        return NULL;
    }
    memcpy(kept, bytes, len);
    return kept;
}

static char kept[64];

static int start(void **state)
{
    (void)state;
    layout = kinds_layout();
    heap = heap_create(KINDS_HEAP, 1 << 20, &err);
    if (layout == NULL || heap == NULL) {
        return -1;
    }
    memset(&kinds, 0, sizeof kinds);
    memset(&library, 0, sizeof library);
    target = (struct target){.layout = layout,
                             .state = (unsigned char *)&kinds,
                             .heap = heap,
                             .statics = true,
                             .keep = keep,
                             .ctx = kept};
    target.module_base = (uint64_t)(uintptr_t)&library;
    return 0;
}

static int end(void **state)
{
    (void)state;
    heap_destroy(heap);
    layout_drop(&layout);
    text_finish(&json);
    text_finish(&again);
    findings_finish(&findings);
    return 0;
}

/* Decodes; false with `err`. */
static bool decode(const char *text, struct decode_given given)
{
    assert_true(json_check(text, strlen(text), &err));
    findings_clear(&findings);
    return decode_state(text, strlen(text), &given, &target, &findings, &err);
}

static void take(const char *text)
{
    if (!decode(text, (struct decode_given){.objects = true})) {
        fail_msg("%s", err.text);
    }
}

/* All entries of a kind, with " | " between them. */
static const char *told(enum finding kind)
{
    static char all[4096];
    const struct text *list = &findings.list[kind];
    size_t len = 0;
    for (size_t i = 0; i < list->len && len < sizeof all - 8; i++) {
        if (list->data[i] == '\0') {
            memcpy(all + len, " | ", 3);
            len += 3;
        } else {
            all[len++] = list->data[i];
        }
    }
    all[len] = '\0';
    return all;
}

static void what_was_written_is_read_back_into_another_process(void **state)
{
    (void)state;
    struct kinds *old = calloc(1, sizeof *old);
    struct kinds_library *old_library = calloc(1, sizeof *old_library);
    struct heap *old_heap = heap_create(KINDS_HEAP + (UINT64_C(1) << 33), 1 << 20, &err);
    assert_non_null(old_heap);
    uint32_t node = layout->marks[0].type;
    struct kinds_node *nodes = heap_alloc(old_heap, node, 0, sizeof *nodes, 2, 8);
    nodes[0].value = 10;
    nodes[1].next = nodes;
    nodes[1].at.x = 0.1F;
    kinds_fill(old, old_library, &nodes[1]);
    struct image from = kinds_image(layout, old, old_library, old_heap);
    struct image to = kinds_image(layout, &kinds, &library, heap);
    take(kinds_json(&from, NULL, &json));
    assert_string_equal(kinds_json(&to, NULL, &again), text_string(&json));

    struct kinds_node *fresh = kinds.node - 1;
    assert_int_equal((uint64_t)(uintptr_t)fresh, KINDS_HEAP);
    assert_ptr_equal(kinds.node->next, fresh);
    assert_ptr_equal(kinds.near, &kinds.points[1]);
    assert_ptr_equal(kinds.end, &kinds.points[3]);
    assert_true((uintptr_t)kinds.call == (uintptr_t)library.code + 16);
    assert_ptr_equal(kinds.text, library.text);
    assert_ptr_equal(kinds.counter, &library.calls);
    assert_int_equal(library.speed, 3);
    assert_int_equal(library.calls, 4);
    assert_memory_equal(&kinds, old, offsetof(struct kinds, ld));
    assert_memory_equal(&kinds.mood, &old->mood,
                        offsetof(struct kinds, near) - offsetof(struct kinds, mood));
    assert_true(kinds.ld == old->ld);
    assert_int_equal(kinds.inner, 42);
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        assert_string_equal(told((enum finding)kind), "");
    }
    heap_destroy(old_heap);
    free(old_library);
    free(old);
}

static void values_go_through_the_table_of_conversions(void **state)
{
    (void)state;
    take("{\"u8\": 300, \"i8\": -1000, \"i16\": 3.7, \"u32\": -1, \"i64\": 1e3, \"u64\": "
         "\"18446744073709551615\", \"on\": 2, \"f\": 16777217, \"d\": \"-Infinity\", \"mood\": 7, "
         "\"bits_low\": 32, \"letter\": \"y\", \"i128\": true, \"ld\": \"MOOD_WILD\"}");
    assert_int_equal(kinds.u8, 255);
    assert_int_equal(kinds.i8, -128);
    assert_int_equal(kinds.i16, 3);
    assert_int_equal(kinds.u32, 0);
    assert_int_equal(kinds.i64, 1000);
    assert_true(kinds.u64 == UINT64_MAX);
    assert_true(kinds.on);
    assert_true(kinds.f == 16777216.0F);
    assert_true(kinds.d == -__builtin_inf());
    assert_int_equal(kinds.mood, MOOD_WILD);
    assert_int_equal(kinds.bits_low, 31);
    assert_int_equal(kinds.letter, 'y');
    assert_true(kinds.i128 == 1);
    assert_true(kinds.ld == 7);
    assert_string_equal(told(FINDING_LOST),
                        "/u8: 300 became 255 | /i8: -1000 became -128 | /i16: 3.7 became 3 | "
                        "/u32: -1 became 0 | /on: 2 became true | "
                        "/bits_low: 32 became 31");
    assert_string_equal(told(FINDING_ROUNDED), "/f: 16777217 was rounded to 16777216");
}

static void floats_are_the_nearest_of_their_size_and_lose_nothing(void **state)
{
    (void)state;
    take("{\"f\": 0.1, \"d\": 0.1, \"ld\": 0.1, \"at\": {\"x\": 3.4028234663852886e38, \"y\": "
         "1e-46}}");
    assert_true(kinds.f == 0.1F && kinds.d == 0.1 && kinds.ld == 0.1L);
    assert_true(kinds.at.y == 0);
    assert_string_equal(told(FINDING_LOST), "");
    take("{\"f\": 1e39, \"d\": -0}");
    assert_string_equal(told(FINDING_LOST), "/f: 1e39 became 3.4028235e38");
    assert_true(kinds.d == 0 && __builtin_signbit(kinds.d));
}

static void what_is_of_another_kind_is_dropped_and_the_default_kept(void **state)
{
    (void)state;
    kinds.i16 = 5;
    kinds.at.x = 6;
    kinds.mood = MOOD_LOW;
    kinds.node = (void *)&kinds;
    take("{\"i16\": {\"a\": 1}, \"at\": 3, \"mood\": \"MOOD_SAD\", \"node\": 8, \"u8\": \"many\", "
         "\"any\": {\"$bytes\": \"AAAAAAAAAAAAAAAAAAAAAAAA\"}, \"few\": {\"x\": 1}, \"d\": null}");
    assert_int_equal(kinds.i16, 5);
    assert_true(kinds.at.x == 6);
    assert_int_equal(kinds.mood, MOOD_LOW);
    assert_ptr_equal(kinds.node, &kinds);
    assert_string_equal(
        told(FINDING_DROPPED),
        "/i16: an object is no short | /at: 3 is no struct point | /mood: \"MOOD_SAD\" is no enum "
        "mood | /node: 8 is no struct node * | /u8: \"many\" is no unsigned char | /any: an object "
        "is no union any | /few: an object is no unsigned char[3] | /d: null is no double");
}

static void members_that_are_missing_or_unknown_are_told_once(void **state)
{
    (void)state;
    kinds.i64 = 99;
    take("{\"points\": [{\"x\": 1, \"z\": 2}, {\"x\": 3, \"z\": 4}], \"hp\": {\"deep\": [1]}}");
    assert_true(kinds.points[1].x == 3);
    assert_int_equal(kinds.i64, 99);
    assert_string_equal(told(FINDING_DROPPED), "/points/*/z | /hp");
    assert_non_null(strstr(told(FINDING_ADDED), "/points/*/y | /on | /letter"));
    assert_int_equal(findings.count[FINDING_ADDED], 1 + 33 + 2);
}

static void arrays_are_filled_as_far_as_both_go(void **state)
{
    (void)state;
    kinds.few[2] = 9;
    take("{\"few\": [1, 2], \"grid\": [[1, 2, 3, 4], [5]], \"points\": [{}, {}, {}, {\"x\": 0}], "
         "\"letter\": [65], \"u8\": [7, 8]}");
    assert_memory_equal(kinds.few, "\1\2\11", 3);
    assert_int_equal(kinds.grid[0][2], 3);
    assert_int_equal(kinds.grid[1][0], 5);
    assert_int_equal(kinds.letter, 'A');
    assert_int_equal(kinds.u8, 0);
    assert_string_equal(told(FINDING_LOST), "/grid/0: cut from 4 to 3 elements");
    assert_string_equal(told(FINDING_DROPPED), "/u8: an array is no unsigned char");
}

static void strings_are_cut_between_characters(void **state)
{
    (void)state;
    memset(kinds.name, 'z', sizeof kinds.name);
    take("{\"name\": \"ab\\u00eb\"}");
    assert_memory_equal(kinds.name, "ab\xc3\xab\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    take("{\"name\": \"0123456789abcd\\u20acx\"}");
    assert_memory_equal(kinds.name, "0123456789abcd\0\0", 16);
    assert_string_equal(told(FINDING_LOST), "/name: cut from 18 to 14 bytes");
    take("{\"name\": {\"$bytes\": \"/w==\", \"text\": true}, \"few\": \"ab\", \"many\": "
         "{\"$bytes\": \"AQI=\"}}");
    assert_memory_equal(kinds.name, "\xff\0\0", 3);
    assert_memory_equal(kinds.few, "ab\0", 3);
    assert_memory_equal(kinds.many, "\1\2\0", 3);
}

static void pointers_lead_to_where_they_can_or_stay(void **state)
{
    (void)state;
    kinds.near = &kinds.at;
    kinds.foreign = (void *)(uintptr_t)0x1234;
    take("{\"near\": {\"$ref\": \"/points/9\"}, \"end\": {\"$ref\": \"/points/0+4\"}, \"call\": "
         "{\"$symbol\": \"advance\", \"offset\": 4}, \"text\": {\"$text\": \"another\"}, "
         "\"counter\": {\"$symbol\": \"advance\"}, \"foreign\": {\"$address\": \"0x1234\"}, "
         "\"nothing\": {\"$ref\": \"\"}, \"node\": null}");
    assert_ptr_equal(kinds.near, &kinds.at);
    assert_ptr_equal(kinds.end, &kinds.points[0].y);
    assert_true((uintptr_t)kinds.call == (uintptr_t)library.code + 20);
    assert_ptr_equal(kinds.text, library.text + 10);
    assert_ptr_equal(kinds.nothing, &kinds);
    assert_string_equal(told(FINDING_KEPT),
                        "/near: leads to /points/9, which is not there, and has its default | "
                        "/counter: leads to advance, which this library does not have, and has "
                        "its default | /foreign: leads to memory of the process that it was in, "
                        "0x1234, and has its default");
    assert_true(decode("{\"foreign\": {\"$address\": \"0x1234\"}}",
                       (struct decode_given){.same_process = true}));
    assert_string_equal(told(FINDING_KEPT), "");
    take("{\"text\": {\"$text\": \"of old code\"}, \"counter\": {\"$symbol\": \"calls\", "
         "\"function\": \"step\", \"file\": \"src/game.c\"}}");
    assert_ptr_equal(kinds.text, kept);
    assert_string_equal(kept, "of old code");
    assert_ptr_equal(kinds.counter, &library.calls);
    assert_string_equal(told(FINDING_KEPT), "");
}

static void heap_objects_are_made_before_anything_leads_to_them(void **state)
{
    (void)state;
    take("{\"node\": {\"$ref\": \"/$heap/1/value\"}, \"nothing\": {\"$ref\": \"/$heap/0/value\"}, "
         "\"near\": {\"$ref\": \"/$heap/2/value/1/at\"}, \"$heap\": [{\"type\": \"struct gone\", "
         "\"value\": {}}, {\"type\": \"struct node\", \"value\": {\"value\": 5, \"next\": "
         "{\"$ref\": "
         "\"/$heap/2/value/1\"}}}, {\"type\": \"struct node\", \"count\": 2, \"value\": [{}, "
         "{\"next\": {\"$ref\": \"/$heap/1/value\"}, \"old\": 1}]}, {\"size\": 8, \"count\": 1, "
         "\"value\": {\"$bytes\": \"AQIDBAUGBwg=\"}}]}");
    assert_int_equal(heap_count(heap), 3);
    assert_int_equal(kinds.node->value, 5);
    assert_ptr_equal(kinds.node->next->next, kinds.node);
    assert_ptr_equal(kinds.near, &kinds.node->next->at);
    assert_null(kinds.nothing);
    assert_string_equal(told(FINDING_KEPT),
                        "/nothing: leads to /$heap/0/value, which is not there, and has its "
                        "default");
    assert_string_equal(told(FINDING_DROPPED),
                        "/$heap/0: struct gone is no type of heap objects here | node/*/old");
}

static void heap_objects_without_bounds_are_refused(void **state)
{
    (void)state;
    const char *const texts[] = {
        "{\"$heap\": [{\"type\": \"struct node\", \"count\": 18446744073709551615}]}",
        "{\"$heap\": [{\"type\": \"struct node\", \"count\": 1000000000000000, \"value\": []}]}",
        "{\"$heap\": [{\"size\": 18446744073709551615, \"count\": 3, \"value\": []}]}",
        "{\"$heap\": [{\"type\": \"struct node\", \"count\": 1000000, \"value\": []}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(decode(texts[i], (struct decode_given){.objects = true}));
        assert_int_equal(err.code, ERROR_LIMIT);
    }
    take("{\"$heap\": [{\"type\": 3}, 7, {\"type\": \"struct node\", \"count\": -1}, []]}");
    assert_int_equal(heap_count(heap), 0);
}

static void variables_that_are_not_there_are_told(void **state)
{
    (void)state;
    library.calls = 5;
    take("{\"$statics\": {\"src/game.c\": {\"speed\": 8, \"old\": 1, \"step()\": {\"gone\": 1}}}}");
    assert_int_equal(library.speed, 8);
    assert_int_equal(library.calls, 5);
    assert_string_equal(told(FINDING_DROPPED), "src/game.c:old | src/game.c:step():gone");
    assert_non_null(told(FINDING_ADDED));
    target.statics = false;
    take("{\"$statics\": {\"src/game.c\": {\"speed\": 9}}}");
    assert_int_equal(library.speed, 8);
    assert_string_equal(told(FINDING_DROPPED), "/$statics: variables are not carried");
}

/* ---- edits ---- */

static void an_edit_that_cannot_be_stored_is_refused(void **state)
{
    (void)state;
    const char *const rows[][2] = {
        {"{\"u8\": 300}", "/u8: expected a value that unsigned char can hold, found 300; the "
                          "nearest is 255"},
        {"{\"bits_low\": 32}", "/bits_low: expected a value that unsigned int (a bit-field) can "
                               "hold, found 32; the nearest is 31"},
        {"{\"i16\": \"abc\"}", "/i16: expected a number (short), found \"abc\""},
        {"{\"at\": {\"z\": 1}}", "/at/z: struct point has no such member; it has \"x\", \"y\""},
        {"{\"few\": [1, 2]}", "/few: expected an array of 3 items, found 2"},
        {"{\"few\": [1, 2, 3, 4]}", "/few: expected an array of 3 items, found 4"},
        {"{\"mood\": \"SAD\"}", "/mood: expected the name of an enumerator (enum mood), found "
                                "\"SAD\""},
        {"{\"name\": \"0123456789abcdefg\"}", "/name: expected a string of at most 16 bytes, found "
                                              "one of 17"},
        {"{\"near\": {\"$ref\": \"/points/9\"}}",
         "/near: expected null or something that the module has, found /points/9, which is not "
         "there"},
        {"{\"node\": {\"$ref\": \"/node\", \"value\": 7}}",
         "/node: it is a pointer and has no \"value\": name the place that it leads to"},
        {"{\"node\": 7}", "/node: expected null or {\"$ref\": path} (struct node *), found 7"},
        {"[1, 2]", "the state: expected an object (struct kinds), found an array"},
        {"{\"$heap\": [{\"type\": \"struct node\", \"value\": {}}]}",
         "/$heap: expected the 0 heap objects that are there, with their types and counts; only "
         "their values can be set"},
        {"{\"$statics\": {\"src/game.c\": {\"sped\": 1}}}", "src/game.c:sped: the module has no "
                                                            "such variable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decode_given given = {.same_process = true, .strict = true};
        if (decode(rows[i][0], given)) {
            fail_msg("%s was taken", rows[i][0]);
        }
        assert_string_equal(err.text, rows[i][1]);
        assert_int_equal(err.code, ERROR_REFUSED);
    }
}

static void an_edit_of_what_was_written_changes_that_alone(void **state)
{
    (void)state;
    uint32_t node = layout->marks[0].type;
    struct kinds_node *first = heap_alloc(heap, node, 0, sizeof *first, 1, 8);
    kinds_fill(&kinds, &library, first);
    kinds.foreign = (void *)(uintptr_t)0x1234;
    kinds.d = 1e300;
    struct image image = kinds_image(layout, &kinds, &library, heap);
    struct kinds before = kinds;
    (void)kinds_json(&image, NULL, &json);
    struct decode_given given = {.same_process = true, .strict = true};
    if (!decode(text_string(&json), given)) {
        fail_msg("%s", err.text);
    }
    assert_memory_equal(&kinds, &before, offsetof(struct kinds, ld));
    assert_memory_equal(&kinds.near, &before.near, sizeof kinds - offsetof(struct kinds, near));
    assert_int_equal(heap_count(heap), 1);
    assert_true(
        decode("{\"$heap\": [{\"type\": \"struct node\", \"value\": {\"value\": 77}}]}", given));
    assert_int_equal(first->value, 77);
}

/* ---- names ---- */

static void renamed_and_transient_members_are_known(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    int numbers[3] = {1, 2, 3};
    uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4), all = draft_reserve(draft);
    struct layout_field fields[] = {draft_field(draft, "health", number, 0),
                                    draft_field(draft, "cache", number, 4),
                                    draft_field(draft, "hp", number, 8)};
    fields[0].old_name = draft_string(draft, "hp");
    fields[1].flags = LAYOUT_TRANSIENT;
    draft_compound(draft, all, LAYOUT_STRUCT, "all", 12, fields, 3);
    struct layout *own = draft_open(draft, all, 0, &err);
    target = (struct target){.layout = own, .state = (unsigned char *)numbers};
    take("{\"hp\": 10, \"cache\": 20}");
    assert_int_equal(numbers[0], 10);
    assert_int_equal(numbers[1], 2);
    assert_int_equal(numbers[2], 3);
    assert_string_equal(told(FINDING_ADDED), "/hp");
    take("{\"hp\": 30, \"health\": 40}");
    assert_int_equal(numbers[0], 40);
    assert_int_equal(numbers[2], 30);
    assert_true(decode("{\"cache\": 5}", (struct decode_given){.strict = true}));
    assert_int_equal(numbers[1], 5);
    layout_drop(&own);
}

static void a_state_that_is_no_struct_is_found_beside_others(void **state)
{
    (void)state;
    int numbers[2] = {0, 0};
    struct draft *draft = draft_create();
    uint32_t type = draft_array(draft, draft_scalar(draft, LAYOUT_INT, "int", 4), 2);
    struct layout *own = draft_open(draft, type, 0, &err);
    target = (struct target){.layout = own, .state = (unsigned char *)numbers};
    take("[1, 2]");
    assert_int_equal(numbers[1], 2);
    take("{\"$state\": [3, 4], \"$heap\": []}");
    assert_int_equal(numbers[1], 4);
    take("{\"$statics\": {}}");
    layout_drop(&own);
}

static void what_is_told_of_some_places_says_nothing_of_those_that_a_person_added(void **state)
{
    (void)state;
    take("{\"name\": \"Bob\", \"f\": 0.1, \"$types\": [{\"/f\": \"float32\"}]}");
    assert_string_equal(kinds.name, "Bob");
    take("{\"name\": \"9007199254740993\", \"$types\": []}"); /* no text: an integer */
    assert_string_equal(kinds.name, "Bob");
}

static void a_name_of_several_enums_is_that_of_the_place(void **state)
{
    (void)state;
    const char *enums = "\"$enums\": [{\"id\": 1, \"names\": {\"1\": \"A\", \"5\": \"B\"}},"
                        "{\"id\": 3, \"names\": {\"3\": \"A\", \"4\": \"A\"}},"
                        "{\"id\": 2, \"names\": {\"-2\": \"A\", \"5\": \"B\"}}]";
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"i8\": \"A\", \"i16\": \"A\", \"u8\": \"B\", \"u32\": \"A\", \"i64\": \"A\","
                   "\"$types\": [{\"/i8\": \"enum 2\"}, {\"/i16\": \"enum 1\"},"
                   "{\"/u32\": \"enum 3\"}], %s}",
                   enums);
    take(text);
    assert_int_equal(kinds.i8, -2);
    assert_int_equal(kinds.i16, 1);
    assert_int_equal(kinds.u8, 5);
    assert_int_equal(kinds.u32 + kinds.i64, 0); /* which of them is not known */
}

static void two_types_of_one_place_are_none(void **state)
{
    (void)state;
    take("{\"d\": 16777217, \"f\": 1, \"$types\": [{\"/d\": \"float32\"},"
         "{\"/d\": \"float64\"}, {\"/d\": 1}, {\"/d\": \"float32\"}]}");
    assert_true(kinds.d == 16777217);
    take("{\"d\": 16777217, \"$types\": [{\"/d\": \"float32\"}, {\"/d\": \"float32\"}]}");
    assert_true(kinds.d == 16777216);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_was_written_is_read_back_into_another_process),
        EACH(values_go_through_the_table_of_conversions),
        EACH(floats_are_the_nearest_of_their_size_and_lose_nothing),
        EACH(what_is_of_another_kind_is_dropped_and_the_default_kept),
        EACH(members_that_are_missing_or_unknown_are_told_once),
        EACH(arrays_are_filled_as_far_as_both_go),
        EACH(strings_are_cut_between_characters),
        EACH(pointers_lead_to_where_they_can_or_stay),
        EACH(heap_objects_are_made_before_anything_leads_to_them),
        EACH(heap_objects_without_bounds_are_refused),
        EACH(variables_that_are_not_there_are_told),
        EACH(an_edit_that_cannot_be_stored_is_refused),
        EACH(an_edit_of_what_was_written_changes_that_alone),
        EACH(renamed_and_transient_members_are_known),
        EACH(a_state_that_is_no_struct_is_found_beside_others),
        EACH(what_is_told_of_some_places_says_nothing_of_those_that_a_person_added),
        EACH(a_name_of_several_enums_is_that_of_the_place),
        EACH(two_types_of_one_place_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
