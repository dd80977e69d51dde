#include "edit_trial.h"

struct row {
    const char *json, *pointer, *value, *expected; /* or the error */
};

#define BIG "{\"id\": 9007199254740993, \"x\":1.0e0 ,\n\t\"s\":\"\\u0041\"}"

static const struct row sets[] = {
    /* what is there */
    {BIG, "/x", "2", "{\"id\": 9007199254740993, \"x\":2 ,\n\t\"s\":\"\\u0041\"}"},
    {BIG, "/x", "1.0e0", BIG},
    {BIG, "", BIG, BIG},
    {" [ 1 ] ", "", "2", " 2 "},
    {"[1,2,3]", "/1", " \n[ true ]\t ", "[1,[ true ],3]"},
    {"{\"\\u0061\":1}", "/a", "2", "{\"\\u0061\":2}"},
    {"{\"a\":{\"b\":[{\"c\":1}]}}", "/a/b/0/c", "\"x\"", "{\"a\":{\"b\":[{\"c\":\"x\"}]}}"},
    /* added to an object */
    {"{\"a\":1}", "/b", "2", "{\"a\":1,\"b\":2}"},
    {"{ \"a\": 1 }", "/b", "2", "{ \"a\": 1, \"b\": 2 }"},
    {"{\"a\": 1, \"b\": 2}", "/c", "3", "{\"a\": 1, \"b\": 2, \"c\": 3}"},
    {"{\n  \"a\": 1,\n  \"b\": 2\n}\n", "/c", "3", "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n"},
    {"{}", "/a", "1", "{\"a\":1}"},
    {"{ }", "/a", "1", "{\"a\":1}"},
    {"{\"a\":{}}", "/a/b", "1", "{\"a\":{\"b\":1}}"},
    {"{\"a\": {}}", "/a/b", "1", "{\"a\": {\"b\": 1}}"},
    {"{\n  \"a\": {}\n}", "/a/b", "1", "{\n  \"a\": {\n    \"b\": 1\n  }\n}"},
    {"{\n\t\"a\": {\n\t\t\"b\": { }\n\t}\n}", "/a/b/c", "1",
     "{\n\t\"a\": {\n\t\t\"b\": {\n\t\t\t\"c\": 1\n\t\t}\n\t}\n}"},
    {"{\r\n  \"a\": {}\r\n}", "/a/b", "1", "{\r\n  \"a\": {\r\n    \"b\": 1\r\n  }\r\n}"},
    {"{\n   \"a\":\n {\n \"b\":{}}}", "/a/b/c", "1", "{\n   \"a\":\n {\n \"b\":{\"c\":1}}}"},
    {"{}", "/", "1", "{\"\":1}"},
    {"{}", "/a~1\"\\~0\n\xC3\xA9", "1", "{\"a/\\\"\\\\~\\n\xC3\xA9\":1}"},
    {"{\"a\":1}", "/-", "2", "{\"a\":1,\"-\":2}"},
    {"{\"a\" :1}", "/b", "2", "{\"a\" :1,\"b\" :2}"},
    /* added to an array */
    {"[1,2]", "/-", "3", "[1,2,3]"},
    {"[1,2]", "/2", "3", "[1,2,3]"},
    {"[1, 2]", "/-", "3", "[1, 2, 3]"},
    {"[ 1 ]", "/-", "2", "[ 1, 2 ]"},
    {"[\n  1\n]", "/-", "2", "[\n  1,\n  2\n]"},
    {"[]", "/-", "1", "[1]"},
    {"[]", "/0", "1", "[1]"},
    {"[ ]", "/0", "1", "[1]"},
    {"{\n  \"a\": []\n}", "/a/-", "1", "{\n  \"a\": [\n    1\n  ]\n}"},
    {"[[],[]]", "/0/-", "[]", "[[[]],[]]"},
    {"[{}, {}]", "/1/a", "1", "[{}, {\"a\": 1}]"},
    /* refused */
    {"[1,2]", "/3", "3", BAD("/3: the whole has 2 items")},
    {"[1,2]", "/-/a", "3", BAD("/-/a: the whole has 2 items")},
    {"[1,2]", "/02", "3", BAD("without leading zeros")},
    {"{\"a\":{\"b\":1}}", "/c/d", "3", BAD("/c/d: the whole has no \"c\"; it has \"a\"")},
    {"{\"a\":1}", "/a/b", "3", BAD("/a is a number")},
    {"{\"a\":1}", "/a", "", BAD("/a: the value is no JSON: line 1, column 1 (byte 0): expected a")},
    {"{\"a\":1}", "/a", NULL, BAD("/a: the value is no JSON")},
    {"{\"a\":1}", "/a", "{\"b\":\n tru}", BAD("/a: the value is no JSON: line 2, column 2 (byte")},
    {"{\"a\":1}", "/a", "1,\"b\":2", BAD("expected nothing behind the value, found ','")},
    {"{\"a\":1}", "/a", "{\"b\":1,\"b\":2}", BAD("expected each key once")},
    {"{\"a\":1}", "a", "1", BAD("begins with '/'")},
};

static const struct row removals[] = {
    {"{\"a\":1,\"b\":2,\"c\":3}", "/a", NULL, "{\"b\":2,\"c\":3}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", "/b", NULL, "{\"a\":1,\"c\":3}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", "/c", NULL, "{\"a\":1,\"b\":2}"},
    {"{ \"a\": 1, \"b\": 2 }", "/a", NULL, "{ \"b\": 2 }"},
    {"{ \"a\": 1, \"b\": 2 }", "/b", NULL, "{ \"a\": 1 }"},
    {"{ \"a\": 1 }", "/a", NULL, "{}"},
    {"{\n  \"a\": 1,\n  \"b\": 2\n}", "/a", NULL, "{\n  \"b\": 2\n}"},
    {"{\n  \"a\": 1,\n  \"b\": 2\n}", "/b", NULL, "{\n  \"a\": 1\n}"},
    {"{\"a\":1 , \"b\":2 , \"c\":3}", "/b", NULL, "{\"a\":1 , \"c\":3}"},
    {"[1,2,3]", "/0", NULL, "[2,3]"},
    {"[1,2,3]", "/1", NULL, "[1,3]"},
    {"[1,2,3]", "/2", NULL, "[1,2]"},
    {"[[1]]", "/0/0", NULL, "[[]]"},
    {"[{\"a,\":\"}\"},2]", "/0", NULL, "[2]"},
    {"{\"\\u0061\":1,\"b\":1.0e0}", "/a", NULL, "{\"b\":1.0e0}"},
    {"[1]", "/-", NULL, BAD("/-: the whole has 1 item, 0 to 0")},
    {"[1]", "/1", NULL, BAD("the whole has 1 item")},
    {"{\"a\":1}", "/b", NULL, BAD("/b: the whole has no \"b\"; it has \"a\"")},
    {"{\"a\":1}", "", NULL, BAD("the whole cannot be removed")},
};

static void a_set_changes_its_value_and_no_other_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const struct row *row = &sets[i];
        expect_edit(row->json, EDIT_SET, row->pointer, row->value, row->expected);
    }
}

static void a_removal_takes_the_right_comma_with_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof removals / sizeof *removals; i++) {
        const struct row *row = &removals[i];
        expect_edit(row->json, EDIT_REMOVE, row->pointer, row->value, row->expected);
    }
}

#define EDIT(kind, pointer, value)                                                                 \
    {                                                                                              \
        kind, pointer, value, sizeof(value) - 1                                                    \
    }

static void edits_are_applied_in_their_order(void **state)
{
    (void)state;
    const struct edit edits[] = {
        EDIT(EDIT_SET, "/list", "[]"),        EDIT(EDIT_SET, "/list/-", "1"),
        EDIT(EDIT_SET, "/list/-", "2"),       EDIT(EDIT_REMOVE, "/list/0", ""),
        EDIT(EDIT_MERGE, "", "{\"a\":null}"), EDIT(EDIT_SET, "/b", "9007199254740993"),
    };
    struct text out = {0};
    struct error err;
    assert_true(edit("{\"a\":1,\"b\":2}", edits, 6, &out, &err));
    assert_string_equal(out.data, "{\"b\":9007199254740993,\"list\":[2]}");
    assert_true(edit("{\"a\":1,\"b\":2}", edits, 1, &out, &err));
    assert_string_equal(out.data, "{\"a\":1,\"b\":2,\"list\":[]}");
    assert_true(edit(" [1] ", edits, 0, &out, &err));
    assert_string_equal(out.data, " [1] ");
    text_finish(&out);
}

static void the_edit_that_cannot_be_done_is_named(void **state)
{
    (void)state;
    const struct edit edits[] = {
        EDIT(EDIT_SET, "/a", "2"),
        EDIT(EDIT_SET, "/b", "nul"),
        EDIT(EDIT_SET, "/c", "2"),
    };
    struct text out = {0};
    struct error err;
    assert_false(edit("{\"a\":1}", edits, 3, &out, &err));
    assert_non_null(strstr(err.text, "/b: the value is no JSON: line 1, column 1 (byte 0)"));
    text_finish(&out);
}

static void the_limit_counts_for_the_result_alone(void **state)
{
    (void)state;
    const struct edit edits[] = {
        EDIT(EDIT_SET, "/a", "\"0123456789\""),
        EDIT(EDIT_SET, "/a", "12"),
    };
    struct text out = {.limit = 8};
    struct error err;
    assert_true(edit("{\"a\":1}", edits, 2, &out, &err));
    assert_string_equal(out.data, "{\"a\":12}");
    assert_false(edit("{\"a\":1}", edits, 1, &out, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.text, "/a: the result is longer than 8 bytes");
    assert_false(edit("{\"a\":1000}", edits, 0, &out, &err));
    text_finish(&out);
}

/* `depth` arrays in each other, each the first item of the one around it. */
static void nest(struct text *out, int depth, const char *middle)
{
    text_clear(out);
    for (int i = 0; i < depth; i++) {
        (void)text_puts(out, "[");
    }
    (void)text_puts(out, middle);
    for (int i = 0; i < depth; i++) {
        (void)text_puts(out, "]");
    }
}

static void no_edit_nests_deeper_than_a_text_may(void **state)
{
    (void)state;
    struct text json = {0};
    struct text value = {0};
    struct text pointer = {0};
    struct text out = {0};
    struct error err;
    nest(&json, 500, "{}");
    for (int i = 0; i < 500; i++) {
        (void)text_puts(&pointer, "/0");
    }
    nest(&value, 12, "");
    assert_true(edit_once(json.data, EDIT_SET, pointer.data, value.data, &out, &err));
    nest(&value, 13, "");
    assert_false(edit_once(json.data, EDIT_SET, pointer.data, value.data, &out, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "expected at most 512 objects and arrays inside each other"));
    text_clear(&value);
    (void)text_puts(&value, "{\"a\":[[[[[[[[[[[]]]]]]]]]]]}");
    assert_true(edit_once(json.data, EDIT_MERGE, pointer.data, value.data, &out, &err));
    text_clear(&value);
    (void)text_puts(&value, "{\"a\":[[[[[[[[[[[[]]]]]]]]]]]]}");
    assert_false(edit_once(json.data, EDIT_MERGE, pointer.data, value.data, &out, &err));
    (void)text_puts(&pointer, "/a");
    nest(&value, 11, "");
    assert_true(edit_once(json.data, EDIT_SET, pointer.data, value.data, &out, &err));
    nest(&value, 12, "");
    assert_false(edit_once(json.data, EDIT_SET, pointer.data, value.data, &out, &err));
    text_finish(&json);
    text_finish(&value);
    text_finish(&pointer);
    text_finish(&out);
}

static void white_space_beyond_measure_is_not_imitated(void **state)
{
    (void)state;
    struct text json = {0};
    struct text out = {0};
    struct error err;
    (void)text_printf(&json, "{%2000s\"a\"%1000s:1}", "", "");
    assert_true(edit_once(json.data, EDIT_SET, "/b", "2", &out, &err));
    assert_int_equal(out.len, json.len + strlen(",\"b\":2"));
    text_finish(&json);
    text_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_changes_its_value_and_no_other_byte),
        cmocka_unit_test(a_removal_takes_the_right_comma_with_it),
        cmocka_unit_test(edits_are_applied_in_their_order),
        cmocka_unit_test(the_edit_that_cannot_be_done_is_named),
        cmocka_unit_test(the_limit_counts_for_the_result_alone),
        cmocka_unit_test(no_edit_nests_deeper_than_a_text_may),
        cmocka_unit_test(white_space_beyond_measure_is_not_imitated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
