#include "state/diff.h"

#include "edit_trial.h"
#include "state/number.h"

struct told {
    struct text text; /* "POINTER BEFORE>AFTER" a line */
    size_t most;      /* ends the comparison; 0: never */
    size_t count;
};

static bool note(void *ctx, const struct difference *difference)
{
    struct told *told = ctx;
    assert_false(difference->before == NULL && difference->after == NULL);
    (void)text_printf(
        &told->text, "%s %.*s>%.*s\n", difference->pointer, (int)difference->before_len,
        difference->before == NULL ? "" : difference->before, (int)difference->after_len,
        difference->after == NULL ? "" : difference->after);
    told->count++;
    return told->count != told->most;
}

static void compare(const char *before, const char *after, struct told *told)
{
    struct error err = {0};
    size_t before_len = strlen(before);
    size_t after_len = strlen(after);
    char *a = exactly(before, before_len);
    char *b = exactly(after, after_len);
    assert_true(diff_json(a, before_len, b, after_len, note, told, &err));
    free(a);
    free(b);
}

static const struct row {
    const char *before, *after, *differences;
} rows[] = {
    {"1", "1", ""},
    {"1", "2", " 1>2\n"},
    {" { \"a\" : 1 } ", "{\"a\":1}", ""},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", ""},
    {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", "/b 2>3\n"},
    {"{\"a\":1,\"b\":2}", "{\"a\":1}", "/b 2>\n"},
    {"{\"a\":1}", "{\"a\":1,\"b\":2}", "/b >2\n"},
    {"{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":4,\"d\":5,\"a\":1,\"e\":6}",
     "/b 2>\n/c 3>4\n/d >5\n/e >6\n"},
    {"{\"x\":1,\"a\":{\"b\":[1,{\"c\":2}]}}", "{\"x\":1,\"a\":{\"b\":[1,{\"c\":3}]}}",
     "/a/b/1/c 2>3\n"},
    {"{\"a\":{\"p\":1,\"q\":2},\"b\":1}", "{\"b\":2,\"a\":{\"q\":3,\"r\":4}}",
     "/a/p 1>\n/a/q 2>3\n/a/r >4\n/b 1>2\n"},
    {"[1,2,3]", "[1,2]", "/2 3>\n"},
    {"[1,2]", "[1,3,[4]]", "/1 2>3\n/2 >[4]\n"},
    {"[]", "[{}]", "/0 >{}\n"},
    {"[1,2,3]", "[]", "/0 1>\n/1 2>\n/2 3>\n"},
    {"{\"a\":[1]}", "{\"a\":{\"0\":1}}", "/a [1]>{\"0\":1}\n"},
    {"{\"a\":{}}", "{\"a\":[]}", "/a {}>[]\n"},
    {"{\"a\":[ 1 ]}", "{\"a\":1}", "/a [ 1 ]>1\n"},
    {"null", "false", " null>false\n"},
    {"\"1\"", "1", " \"1\">1\n"},
    /* by value */
    {"{\"n\":1.0}", "{\"n\":1e0}", ""},
    {"9007199254740993", "9007199254740992", " 9007199254740993>9007199254740992\n"},
    {"\"\\u0041\\/\\uD83D\\uDE00\"", "\"A/\xF0\x9F\x98\x80\"", ""},
    {"\"\\u0041\"", "\"B\"", " \"\\u0041\">\"B\"\n"},
    {"{\"\\u0061\":1,\"b\":2}", "{\"a\":1,\"b\":3}", "/b 2>3\n"},
    {"{\"x\":0,\"\\u0061\":1}", "{\"a\":2,\"x\":0}", "/a 1>2\n"},
    /* names in pointers */
    {"{\"a/b\":{\"c~d\":1,\"\":2}}", "{\"a/b\":{\"c~d\":2,\"\":3}}",
     "/a~1b/c~0d 1>2\n/a~1b/ 2>3\n"},
    {"{\"\\u002f\\n\":1}", "{\"\\u002f\\n\":2}", "/~1\n 1>2\n"},
    {"{\"a\\u0000b\":1}", "{\"a\\u0000b\":2}",
     "/a\xEF\xBF\xBD"
     "b 1>2\n"},
    {"{\"\":{\"\":1}}", "{\"\":{\"\":2}}", "// 1>2\n"},
    {"{\"x\":1,\"y\":1}", "{\"y\":1,\"x\":1,\"\\u007e\":1}", "/~0 >1\n"},
};

static void each_difference_is_told_by_its_pointer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct told told = {0};
        compare(rows[i].before, rows[i].after, &told);
        if (strcmp(text_string(&told.text), rows[i].differences) != 0) {
            fail_msg("%s and %s: expected\n%sfound\n%s", rows[i].before, rows[i].after,
                     rows[i].differences, text_string(&told.text));
        }
        text_finish(&told.text);
        told = (struct told){0};
        compare(rows[i].before, rows[i].before, &told);
        compare(rows[i].after, rows[i].after, &told);
        assert_int_equal(told.count, 0);
    }
}

static void a_comparison_ends_when_the_caller_has_enough(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"[1,2,3]", "[4,5,6]"},
        {"[1,2,3]", "[]"},
        {"[]", "[1,2,3]"},
        {"{\"a\":1,\"b\":2,\"c\":3}", "{\"z\":{},\"y\":{},\"x\":{}}"},
        {"{\"a\":{\"b\":1,\"c\":1},\"d\":1}", "{\"a\":{\"b\":2,\"c\":2},\"d\":2}"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (size_t most = 1; most <= 3; most++) {
            struct told told = {.most = most};
            compare(pairs[i][0], pairs[i][1], &told);
            assert_int_equal(told.count, most);
            text_finish(&told.text);
        }
    }
}

static const struct numbers {
    const char *a, *b;
    bool same;
} numbers[] = {
    {"0", "-0", true},
    {"0", "0.000e99999999999999999999", true},
    {"0e5", "1e-99999999999999999999", false},
    {"1", "1.000", true},
    {"10", "1e1", true},
    {"10", "1E+1", true},
    {"1200", "12e2", true},
    {"0.0012", "1.2e-3", true},
    {"0.0012", "12e-0004", true},
    {"-1", "1", false},
    {"-1.5", "-15e-1", true},
    {"12.5", "125", false},
    {"12.5", "1.25", false},
    {"105", "15", false},
    {"1.05", "1.5", false},
    {"9007199254740993", "9007199254740992", false},
    {"9007199254740993", "9007199254740993.0", true},
    {"0.1", "0.1000000000000000055511151231257827", false},
    {"1e400", "1e401", false},
    {"1e400", "10e399", true},
    {"1e99999999999999999999", "1e99999999999999999998", false},
    {"1e99999999999999999999", "10e99999999999999999998", true},
    {"1e-99999999999999999999", "0.1e-99999999999999999998", true},
    {"1e99999999999999999999", "1e-99999999999999999999", false},
    {"1e100000000000000000000", "10e99999999999999999999", true},
    {"1e100000000000000000000", "0.1e00100000000000000000001", true},
    {"1e18446744073709551616", "1", false},
    {"1e9223372036854775808", "1e-9223372036854775808", false},
    {"1e0", "1e-0", true},
};

static void numbers_are_compared_by_their_exact_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        size_t a_len = strlen(numbers[i].a);
        size_t b_len = strlen(numbers[i].b);
        char *a = exactly(numbers[i].a, a_len);
        char *b = exactly(numbers[i].b, b_len);
        if (number_same(a, a_len, b, b_len) != numbers[i].same ||
            number_same(b, b_len, a, a_len) != numbers[i].same) {
            fail_msg("%s and %s: expected %s", numbers[i].a, numbers[i].b,
                     numbers[i].same ? "the same" : "a difference");
        }
        assert_true(number_same(a, a_len, a, a_len));
        free(a);
        free(b);
    }
}

struct last {
    int number;
};

/* "/a/0", then the items of /nnn.../a/0, then "/z". */
static bool note_last(void *ctx, const struct difference *difference)
{
    struct last *last = ctx;
    const char *pointer = difference->pointer;
    char expected[32];
    int item = last->number++ - 1;
    (void)snprintf(expected, sizeof expected, "n/a/0/%d", item);
    if (item < 0 || pointer[1] != 'n') {
        assert_string_equal(pointer, item < 0 ? "/a/0" : "/z");
    } else {
        assert_int_equal(strncmp(pointer + 1000000, expected, strlen(expected)), 0);
        assert_int_equal(pointer[1000000 + strlen(expected)], '\0');
    }
    return true;
}

/* Each with each would be 10^10 comparisons. */
static void a_large_object_in_another_order_has_no_differences(void **state)
{
    (void)state;
    enum {
        KEYS = 100000
    };
    struct text before = {0};
    struct text after = {0};
    for (int i = 0; i < KEYS; i++) {
        (void)text_printf(&before, "%c\"key %d\":%d", i == 0 ? '{' : ',', i, i);
        (void)text_printf(&after, "%c\"key %d\":%d", i == 0 ? '{' : ',', KEYS - 1 - i,
                          KEYS - 1 - i);
    }
    (void)text_puts(&before, "}");
    (void)text_puts(&after, ",\"last\":0}");
    struct told told = {0};
    compare(before.data, after.data, &told);
    assert_string_equal(text_string(&told.text), "/last >0\n");
    text_finish(&told.text);
    text_finish(&before);
    text_finish(&after);
}

/* A pointer that were written anew each time would be 2 * 10^10 bytes. */
static void many_differences_below_a_long_name_are_told_quickly(void **state)
{
    (void)state;
    enum {
        ITEMS = 20000,
        NAME = 1000000
    };
    struct text texts[2] = {{0}, {0}};
    char *name = malloc(NAME + 1);
    assert_non_null(name);
    memset(name, 'n', NAME);
    name[NAME] = '\0';
    for (int which = 0; which < 2; which++) {
        (void)text_printf(&texts[which], "{\"a\":[%d],\"%s\":{\"a\":[[", which, name);
        for (int i = 0; i < ITEMS; i++) {
            (void)text_printf(&texts[which], "%s%d", i == 0 ? "" : ",", i + which);
        }
        (void)text_printf(&texts[which], "]]},\"z\":%d}", which);
    }
    struct last last = {.number = 0};
    struct error err;
    assert_true(diff_json(texts[0].data, texts[0].len, texts[1].data, texts[1].len, note_last,
                          &last, &err));
    assert_int_equal(last.number, ITEMS + 2);
    free(name);
    text_finish(&texts[0]);
    text_finish(&texts[1]);
}

static void the_deepest_texts_are_compared_to_their_bottom(void **state)
{
    (void)state;
    struct text texts[2] = {{0}, {0}};
    for (int which = 0; which < 2; which++) {
        for (int i = 0; i < JSON_DEPTH_MAX / 2; i++) {
            (void)text_puts(&texts[which], which == 0 ? "[{\"b\":0,\"a\":" : "[{\"a\":");
        }
        (void)text_printf(&texts[which], "%d", which);
        for (int i = 0; i < JSON_DEPTH_MAX / 2; i++) {
            (void)text_puts(&texts[which], which == 0 ? "}]" : ",\"b\":0}]");
        }
    }
    struct told told = {0};
    compare(texts[0].data, texts[1].data, &told);
    assert_int_equal(told.count, 1);
    assert_int_equal(strncmp(told.text.data, "/0/a/0/a/0/a", 12), 0);
    text_finish(&told.text);
    text_finish(&texts[0]);
    text_finish(&texts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_difference_is_told_by_its_pointer),
        cmocka_unit_test(a_comparison_ends_when_the_caller_has_enough),
        cmocka_unit_test(numbers_are_compared_by_their_exact_value),
        cmocka_unit_test(a_large_object_in_another_order_has_no_differences),
        cmocka_unit_test(many_differences_below_a_long_name_are_told_quickly),
        cmocka_unit_test(the_deepest_texts_are_compared_to_their_bottom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
