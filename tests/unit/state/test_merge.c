#include "edit_trial.h"

struct row {
    const char *target, *pointer, *patch, *expected; /* or the error */
};

/* RFC 7396, appendix A. */
static const struct row cases[] = {
    {"{\"a\":\"b\"}", "", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "", "null", "null"},
    {"{\"a\":\"foo\"}", "", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"[1,2]", "", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
};

static const struct row more[] = {
    /* What is not named keeps its bytes, layout and order. */
    {"{ \"x\" : 1.0e0 ,\"y\":[ 9007199254740993 ],\"z\":\"\\u0041\" }", "", "{}",
     "{ \"x\" : 1.0e0 ,\"y\":[ 9007199254740993 ],\"z\":\"\\u0041\" }"},
    {" {\"a\":1} ", "", "\t{\"a\":2}\n", " {\"a\":2} "},
    {"{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}", "", "{\"b\":{\"d\":3,\"c\":null},\"e\":4}",
     "{\n  \"a\": 1,\n  \"b\": {\n    \"d\": 3\n  },\n  \"e\": 4\n}"},
    {"{\n  \"a\": {}\n}", "", "{\"a\":{\"b\":1,\"c\":2}}",
     "{\n  \"a\": {\n    \"b\": 1,\n    \"c\": 2\n  }\n}"},
    {"{ \"a\": 1, \"b\": 2, \"c\": 3 }", "", "{\"a\":null,\"b\":null}", "{ \"c\": 3 }"},
    {"{ \"a\": 1, \"b\": 2, \"c\": 3 }", "", "{\"b\":null}", "{ \"a\": 1, \"c\": 3 }"},
    {"{ \"a\": 1, \"b\": 2, \"c\": 3 }", "", "{\"b\":null,\"c\":null}", "{ \"a\": 1 }"},
    {"{ \"a\": 1, \"b\": 2, \"c\": 3 }", "", "{\"a\":null,\"c\":null}", "{ \"b\": 2 }"},
    {"{ \"a\": 1, \"b\": 2 }", "", "{\"a\":null,\"b\":null}", "{}"},
    {"{ \"a\": 1, \"b\": 2 }", "", "{\"a\":null,\"b\":null,\"c\":3,\"d\":4}",
     "{ \"c\": 3, \"d\": 4 }"},
    {"{ \"a\": 1, \"b\": 2 }", "", "{\"b\":null,\"c\":3}", "{ \"a\": 1, \"c\": 3 }"},
    {"{\"a\": 1, \"b\": 2}", "", "{\"a\":null,\"b\":null,\"c\":3,\"d\":4}", "{\"c\": 3, \"d\": 4}"},
    {"{\"a\": {}}", "", "{\"a\":{\"c\":3,\"d\":4}}", "{\"a\": {\"c\": 3, \"d\": 4}}"},
    {"{ \"a\": {\"x\":1}, \"b\": 2 }", "", "{\"a\":{\"x\":null},\"b\":null}", "{ \"a\": {} }"},
    /* Keys are compared by value, and written as the target has them. */
    {"{\"\\u0061\":1}", "", "{\"a\":2}", "{\"\\u0061\":2}"},
    {"{\"a\":1}", "", "{\"\\u0061\":null}", "{}"},
    {"{\"a\":1}", "", "{\"\\u0062\":1}", "{\"a\":1,\"\\u0062\":1}"},
    /* Nothing is removed within arrays, and nothing null is left in new objects. */
    {"{\"a\":1}", "", "{\"a\":[null,{\"b\":null}]}", "{\"a\":[null,{\"b\":null}]}"},
    {"{\"a\":1}", "", "{\"a\":{ \"b\" : null , \"c\" : {\"d\":null} }}", "{\"a\":{ \"c\" : {} }}"},
    {"{}", "", "{\"a\":null}", "{}"},
    {"{ }", "", "{\"a\":null}", "{ }"},
    {"{\"n\":null}", "", "{\"n\":null}", "{}"},
    {"{\"a\":{\"b\":1}}", "", "{\"a\":[]}", "{\"a\":[]}"},
    {"{\"a\":[{\"b\":1}]}", "", "{\"a\":{\"0\":1}}", "{\"a\":{\"0\":1}}"},
    /* In the middle of a text. */
    {"{\"p\":{\"x\":1,\"y\":2},\"q\":[3]}", "/p", "{\"x\":null,\"z\":1.50}",
     "{\"p\":{\"y\":2,\"z\":1.50},\"q\":[3]}"},
    {"[0, {\"a\": 1}, 2]", "/1", "{\"b\":2}", "[0, {\"a\": 1, \"b\": 2}, 2]"},
    {"[0,1,2]", "/1", "{\"b\":{\"c\":null}}", "[0,{\"b\":{}},2]"},
    {"{\n  \"a\": {}\n}", "/a", "{\"b\":1}", "{\n  \"a\": {\n    \"b\": 1\n  }\n}"},
    /* Refused. */
    {"{\"a\":1}", "/b", "{}", BAD("/b: the whole has no \"b\"; it has \"a\"")},
    {"{\"a\":1}", "/a", "{\"x\":1,}", BAD("/a: the patch is no JSON: line 1, column 8")},
    {"{\"a\":1}", "/a/b", "{}", BAD("/a is a number")},
};

static void a_patch_does_what_the_standard_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct row *row = &cases[i];
        expect_edit(row->target, EDIT_MERGE, row->pointer, row->patch, row->expected);
    }
}

static void what_a_patch_does_not_name_keeps_its_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        const struct row *row = &more[i];
        expect_edit(row->target, EDIT_MERGE, row->pointer, row->patch, row->expected);
    }
}

static void large_objects_are_merged_key_by_key(void **state)
{
    (void)state;
    enum {
        KEYS = 5000
    };
    struct text target = {0};
    struct text patch = {0};
    struct text expected = {0};
    struct text out = {0};
    struct error err;
    for (int i = 0; i < KEYS; i++) {
        (void)text_printf(&target, "%c\"k%d\":%d", i == 0 ? '{' : ',', i, i);
        (void)text_printf(&patch, "%c\"k%d\":%s", i == 0 ? '{' : ',', KEYS - 1 - i,
                          i % 2 == 0 ? "null" : "true");
        if (i % 2 == 0) { /* KEYS - 1 - i is odd */
            (void)text_printf(&expected, "%c\"k%d\":true", i == 0 ? '{' : ',', i);
        }
    }
    (void)text_puts(&target, "}");
    (void)text_puts(&patch, "}");
    (void)text_puts(&expected, "}");
    assert_true(edit_once(target.data, EDIT_MERGE, "", patch.data, &out, &err));
    assert_string_equal(out.data, expected.data);
    text_finish(&target);
    text_finish(&patch);
    text_finish(&expected);
    text_finish(&out);
}

static void the_deepest_patch_reaches_the_bottom(void **state)
{
    (void)state;
    struct text texts[3] = {{0}, {0}, {0}};
    static const char *const bottoms[3] = {"1", "2", "2"};
    struct text out = {0};
    struct error err;
    for (int which = 0; which < 3; which++) {
        for (int i = 0; i < JSON_DEPTH_MAX; i++) {
            (void)text_puts(&texts[which], which == 1 ? "{\"x\":null,\"a\":" : "{\"a\":");
        }
        (void)text_puts(&texts[which], bottoms[which]);
        for (int i = 0; i < JSON_DEPTH_MAX; i++) {
            (void)text_puts(&texts[which], "}");
        }
    }
    assert_true(edit_once(texts[0].data, EDIT_MERGE, "", texts[1].data, &out, &err));
    assert_string_equal(out.data, texts[2].data);
    assert_true(edit_once("0", EDIT_MERGE, "", texts[1].data, &out, &err));
    assert_string_equal(out.data, texts[2].data);
    for (int which = 0; which < 3; which++) {
        text_finish(&texts[which]);
    }
    text_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_patch_does_what_the_standard_shows),
        cmocka_unit_test(what_a_patch_does_not_name_keeps_its_bytes),
        cmocka_unit_test(large_objects_are_merged_key_by_key),
        cmocka_unit_test(the_deepest_patch_reaches_the_bottom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
