#include "edit_trial.h"

struct row {
    const char *json, *pointer, *value; /* or the error */
};

#define RFC                                                                                        \
    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"      \
    "\"k\\\"l\":6,\" \":7,\"m~n\":8}"

static const struct row found[] = {
    {RFC, "", RFC},
    {RFC, "/foo", "[\"bar\",\"baz\"]"},
    {RFC, "/foo/0", "\"bar\""},
    {RFC, "/", "0"},
    {RFC, "/a~1b", "1"},
    {RFC, "/c%d", "2"},
    {RFC, "/e^f", "3"},
    {RFC, "/g|h", "4"},
    {RFC, "/i\\j", "5"},
    {RFC, "/k\"l", "6"},
    {RFC, "/ ", "7"},
    {RFC, "/m~0n", "8"},
    {" \n 1.0e0 \t", "", "1.0e0"},
    {"{ \"a\" : [ 1 , { \"b\" : \"x]}\" } ] }", "/a/1/b", "\"x]}\""},
    {"{ \"a\" : [ 1 , { \"b\" : \"x]}\" } ] }", "/a/1", "{ \"b\" : \"x]}\" }"},
    {"{\"\\u0061\":1,\"b\":9007199254740993}", "/a", "1"},
    {"{\"\\u0061\":1,\"b\":9007199254740993}", "/b", "9007199254740993"},
    {"{\"\\uD83D\\uDE00\":1}", "/\xF0\x9F\x98\x80", "1"},
    {"{\"caf\xC3\xA9\":1}", "/caf\xC3\xA9", "1"},
    {"{\"a\\/b\":1}", "/a~1b", "1"},
    {"{\"~1\":1,\"/\":2}", "/~01", "1"}, /* ~01 is "~1", not "/" */
    {"{\"0\":1,\"-\":2,\"01\":3}", "/0", "1"},
    {"{\"0\":1,\"-\":2,\"01\":3}", "/-", "2"},
    {"{\"0\":1,\"-\":2,\"01\":3}", "/01", "3"},
    {"{\"\":{\"\":[[7]]}}", "///0/0", "7"},
    {"{\"a\":\"\\\\\",\"b\":\"\\\"}\",\"c\":2}", "/c", "2"},
    {"[[],{},\"\",-1,true,null]", "/5", "null"},
    {"{\"long key, longer than a word\":1,\"long key, longer than a wort\":2}",
     "/long key, longer than a wort", "2"},
};

static const struct row missing[] = {
    {"{\"a\":1}", "a", "a: expected a JSON pointer, which begins with '/'"},
    {"{\"a\":1}", "#/a", "begins with '/'"},
    {"{\"a\":1}", "/a~", "/a~: expected 0 or 1 behind the '~' at byte 2"},
    {"{\"a\":1}", "/~2", "expected 0 or 1 behind the '~' at byte 1"},
    {"{\"a\":1}", "/\xFF", "in UTF-8, found the byte 0xFF at 1"},
    {"{\"player\":{\"health\":3,\"x\":1,\"y\":2}}", "/player/hp",
     "/player/hp: /player has no \"hp\"; it has \"health\", \"x\", \"y\""},
    {"{\"player\":{\"health\":3,\"x\":1,\"y\":2}}", "/player/heatlh",
     "it has \"health\", \"x\", \"y\"; did you mean \"health\"?"},
    {"{\"player\":{\"health\":3,\"x\":1,\"y\":2}}", "/plaier/health",
     "/plaier/health: the whole has no \"plaier\"; it has \"player\"; did you mean \"player\"?"},
    {"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"target\":1}", "/taget",
     "\"e\", \"f\" and 2 more; did you mean \"target\"?"},
    {"{\"\\u0061bc\":1}", "/abd", "it has \"abc\"; did you mean \"abc\"?"},
    {"{\"a\":{}}", "/a/b", "/a has no \"b\"; it is empty"},
    {"{\"a\":{}}", "/a/", "/a has no \"\""},
    {"{\"a\":{}}", "/A", "the whole has no \"A\""},
    {"{\"a\":1}", "/a/b", "/a/b: /a is a number, there is nothing in it"},
    {"{\"a\":\"s\"}", "/a/0", "/a is a string"},
    {"null", "/a", "/a: the whole is null"},
    {"[true]", "/0/x", "/0 is true or false"},
    {"[1,2,3]", "/3", "/3: the whole has 3 items, 0 to 2"},
    {"[1,2,3]", "/99999999999999999999999", "the whole has 3 items, 0 to 2"},
    {"[1,2,3]", "/18446744073709551616", "the whole has 3 items"}, /* not 0, by overflow */
    {"[1,2,3]", "/-", "the whole has 3 items, 0 to 2"},
    {"[1]", "/1", "the whole has 1 item, 0 to 0"},
    {"[1,2,3]", "/01", "expected the number of an item of the whole, without leading zeros, found"},
    {"[1,2,3]", "/-1", "without leading zeros, found \"-1\": the whole has 3 items"},
    {"[1,2,3]", "/+1", "found \"+1\""},
    {"[1,2,3]", "/1e0", "found \"1e0\""},
    {"[1,2,3]", "/", "found \"\""},
    {"[1,2,3]", "/ 1", "found \" 1\""},
    {"{\"a\":[]}", "/a/0", "/a has no items"},
    {"{\"a\":1}", "/\x1B[2J", "\"/\\u001b[2J\": the whole has no \"\\u001b[2J\""},
};

static void a_pointer_finds_the_bytes_of_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        struct text value = {0};
        struct error err;
        if (!find(found[i].json, found[i].pointer, &value, &err)) {
            fail_msg("%s: %s", found[i].json, err.text);
        }
        assert_string_equal(text_string(&value), found[i].value);
        text_finish(&value);
    }
}

static void what_is_missing_is_told_with_what_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        struct text value = {0};
        struct error err;
        assert_false(find(missing[i].json, missing[i].pointer, &value, &err));
        if (strstr(err.text, missing[i].value) == NULL) {
            fail_msg("expected \"%s\", found \"%s\"", missing[i].value, err.text);
        }
        text_finish(&value);
    }
}

static void a_pointer_is_as_long_as_it_may_be_and_no_longer(void **state)
{
    (void)state;
    char *pointer = malloc(POINTER_MOST + 2);
    struct text json = {0};
    struct text value = {0};
    struct error err;
    memset(pointer, 'k', POINTER_MOST + 1);
    pointer[0] = '/';
    pointer[POINTER_MOST] = pointer[POINTER_MOST + 1] = '\0';
    (void)text_printf(&json, "{\"%s\":1}", pointer + 1);
    assert_true(find(json.data, pointer, &value, &err));
    pointer[POINTER_MOST] = 'k';
    assert_false(find(json.data, pointer, &value, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "at most 4096 bytes"));
    text_finish(&json);
    text_finish(&value);
    free(pointer);
}

static void names_in_errors_are_cut_between_characters(void **state)
{
    (void)state;
    struct text json = {0};
    struct text value = {0};
    struct error err;
    (void)text_puts(&json, "{");
    for (int key = 0; key < 10; key++) {
        (void)text_printf(&json, "%s\"%d", key == 0 ? "" : ",", key);
        for (int i = 0; i < 200; i++) {
            (void)text_puts(&json, "\xE2\x82\xAC");
        }
        (void)text_puts(&json, "\":1");
    }
    (void)text_puts(&json, "}");
    assert_false(find(json.data, "/x", &value, &err));
    assert_non_null(strstr(err.text, "\xE2\x82\xAC\"..., \"1"));
    assert_non_null(strstr(err.text, "and 4 more"));
    assert_null(strstr(err.text, "\xEF\xBF\xBD"));
    text_finish(&json);
    text_finish(&value);
}

static void the_deepest_text_is_walked_to_its_bottom(void **state)
{
    (void)state;
    struct text json = {0};
    struct text pointer = {0};
    struct text value = {0};
    struct error err;
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        (void)text_puts(&json, i % 2 == 0 ? "[0,7,[],{}," : "{\"\\u0061\":1,\"b\":");
        (void)text_puts(&pointer, i % 2 == 0 ? "/4" : "/b");
    }
    (void)text_puts(&json, "\"bottom\"");
    for (int i = JSON_DEPTH_MAX; i-- > 0;) {
        (void)text_puts(&json, i % 2 == 0 ? "]" : "}");
    }
    assert_true(find(json.data, pointer.data, &value, &err));
    assert_string_equal(value.data, "\"bottom\"");
    (void)text_puts(&pointer, "/x");
    assert_false(find(json.data, pointer.data, &value, &err));
    assert_non_null(strstr(err.text, "is a string"));
    text_finish(&json);
    text_finish(&pointer);
    text_finish(&value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pointer_finds_the_bytes_of_a_value),
        cmocka_unit_test(what_is_missing_is_told_with_what_is_there),
        cmocka_unit_test(a_pointer_is_as_long_as_it_may_be_and_no_longer),
        cmocka_unit_test(names_in_errors_are_cut_between_characters),
        cmocka_unit_test(the_deepest_text_is_walked_to_its_bottom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
