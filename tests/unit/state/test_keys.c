#include "state/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct outcome {
    struct text added, dropped; /* '|' between paths */
    size_t more_added, more_dropped;
};

static void show_separators(struct text *text)
{
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] == '\0') {
            text->data[i] = '|';
        }
    }
}

static void compare(struct outcome *outcome, const char *before, const char *after, size_t most)
{
    struct error err = {0};
    *outcome = (struct outcome){.more_added = 99, .more_dropped = 99};
    if (!json_compare_keys(before, strlen(before), after, strlen(after), most, &outcome->added,
                           &outcome->more_added, &outcome->dropped, &outcome->more_dropped, &err)) {
        fail_msg("%s", err.text);
    }
    show_separators(&outcome->added);
    show_separators(&outcome->dropped);
}

static void finish(struct outcome *outcome)
{
    text_finish(&outcome->added);
    text_finish(&outcome->dropped);
}

static void assert_keys(const char *before, const char *after, const char *added,
                        const char *dropped)
{
    struct outcome outcome;
    compare(&outcome, before, after, 100);
    assert_string_equal(text_string(&outcome.added), added);
    assert_string_equal(text_string(&outcome.dropped), dropped);
    assert_int_equal(outcome.more_added, 0);
    assert_int_equal(outcome.more_dropped, 0);
    finish(&outcome);
}

static void equal_texts_have_no_differences(void **state)
{
    (void)state;
    assert_keys("{\"a\":1}", "{\"a\":1}", "", "");
    assert_keys("{\"a\":1}", "{ \"a\" : 2 }", "", "");
    assert_keys("{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", "", "");
    assert_keys("1", "[]", "", "");
    assert_keys("[1,[2]]", "{}", "", "");
}

static void identical_bytes_are_not_even_read_as_json(void **state)
{
    (void)state;
    assert_keys("{no json", "{no json", "", "");
    assert_keys("", "", "", "");
}

static void added_and_dropped_keys_are_named_by_their_paths(void **state)
{
    (void)state;
    assert_keys("{\"x\":1,\"vx\":2}", "{\"x\":1,\"speed\":3}", "speed", "vx");
    assert_keys("{\"player\":{}}", "{\"player\":{\"x\":0,\"y\":0}}", "player.x|player.y", "");
    assert_keys("{\"enemies\":[{\"id\":1}]}", "{\"enemies\":[{\"id\":1,\"hp\":2}]}", "enemies[].hp",
                "");
    assert_keys("{\"a\":[[{\"b\":1}]]}", "{\"a\":[[{\"c\":1}]]}", "a[][].c", "a[][].b");
    assert_keys("[{\"a\":1}]", "[{\"b\":1}]", "[].b", "[].a");
    assert_keys("{}", "{\"0\":1,\"max-hp\":2,\"_x\":3,\"$y\":4}", "0|max-hp|_x|$y", "");
}

static void objects_in_arrays_contribute_their_keys_once(void **state)
{
    (void)state;
    assert_keys("{\"e\":[{\"x\":1},{\"x\":2},{\"y\":1}]}",
                "{\"e\":[1,{\"z\":1},{\"x\":1,\"z\":2},[{\"z\":3}],{\"z\":4}]}", "e[].z|e[][].z",
                "e[].y");
}

static void paths_come_in_document_order(void **state)
{
    (void)state;
    assert_keys("{\"z\":1,\"m\":{\"q\":1,\"b\":2},\"a\":3}", "{\"m\":{\"k\":0},\"c\":1,\"b\":2}",
                "m.k|c|b", "z|m.q|m.b|a");
    assert_keys("{\"a\":{\"x\":1}}", "{\"new\":1,\"a\":{\"x\":1,\"y\":2},\"last\":3}",
                "new|a.y|last", "");
}

static void a_path_below_a_listed_one_is_left_out(void **state)
{
    (void)state;
    assert_keys("{}", "{\"a\":{\"b\":{\"c\":1}},\"d\":[{\"e\":[{\"f\":1}]}]}", "a|d", "");
    assert_keys("{\"a\":{\"b\":{\"c\":1}},\"d\":1}", "{\"d\":1}", "", "a");
    assert_keys("{\"a\":{\"x\":1}}", "{\"a\":[{\"x\":1}]}", "a[].x", "a.x");
}

static void the_spelling_of_a_key_does_not_matter(void **state)
{
    (void)state;
    assert_keys("{\"a\":{\"b\\n\":1}}", "{\"\\u0061\":{\"b\\u000a\":2}}", "", "");
    assert_keys("{\"\\u00e4\":1}", "{\"\xC3\xA4\":1,\"\\u0062c\":2}", "bc", "");
    assert_keys("[{\"\\ud83d\\ude00\":1}]", "[{\"\xF0\x9F\x98\x80\":2}]", "", "");
}

static void odd_keys_stand_in_quotes(void **state)
{
    (void)state;
    assert_keys("{}", "{\"a.b\":1,\"c[]\":1,\"max hp\":1,\"\":1,\"-a\":1,\"+a\":1,\"a,b\":1}",
                "\"a.b\"|\"c[]\"|\"max hp\"|\"\"|\"-a\"|\"+a\"|\"a,b\"", "");
    assert_keys("{\"p\":{}}",
                "{\"p\":{\"\\\"\":1,\"\\\\\":1,\"\\n\":1,\"\\u0000\":1,\"\\u001b[m\":1}}",
                "p.\"\\\"\"|p.\"\\\\\"|p.\"\\n\"|p.\"\\u0000\"|p.\"\\u001b[m\"", "");
    assert_keys("{}",
                "{\"gr\xC3\xB6\xC3\x9F"
                "e\":1,\"\xE2\x80\xAE\":1,\"\xC2\xA0\":1}",
                "\"gr\xC3\xB6\xC3\x9F"
                "e\"|\"\\u202e\"|\"\\u00a0\"",
                "");
    assert_keys("{\"a\":{\"b\":1},\"a.b\":1}", "{\"a\":{},\"a.b\":1}", "", "a.b");
    assert_keys("{\"a\":{\"b\":1},\"a.b\":1}", "{\"a\":{\"b\":1}}", "", "\"a.b\"");
}

static void at_most_so_many_paths_are_listed_and_the_rest_is_counted(void **state)
{
    (void)state;
    struct outcome outcome;
    compare(&outcome, "{\"a\":1,\"b\":2,\"c\":3}", "{\"d\":1,\"e\":{\"x\":1},\"f\":3,\"g\":4}", 2);
    assert_string_equal(text_string(&outcome.added), "d|e");
    assert_string_equal(text_string(&outcome.dropped), "a|b");
    assert_int_equal(outcome.more_added, 2);
    assert_int_equal(outcome.more_dropped, 1);
    finish(&outcome);
    compare(&outcome, "{\"a\":1}", "{\"b\":1}", 0);
    assert_int_equal(outcome.added.len + outcome.dropped.len, 0);
    assert_int_equal(outcome.more_added, 1);
    assert_int_equal(outcome.more_dropped, 1);
    finish(&outcome);
}

static void text_that_was_there_is_kept(void **state)
{
    (void)state;
    struct text added = {0};
    struct text dropped = {0};
    size_t more[2];
    struct error err;
    assert_true(text_puts(&added, "+ "));
    assert_true(json_compare_keys("{}", 2, "{\"a\":1,\"b\":2}", 13, 9, &added, &more[0], &dropped,
                                  &more[1], &err));
    assert_int_equal(added.len, 5);
    assert_memory_equal(added.data, "+ a\0b", 6);
    text_finish(&added);
    text_finish(&dropped);
}

static void a_text_that_is_not_json_is_an_error(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"{", "{}"}, {"{}", "{\"a\":}"}, {"", "1"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct text added = {0};
        struct text dropped = {0};
        size_t more[2];
        struct error err = {0};
        assert_false(json_compare_keys(pairs[i][0], strlen(pairs[i][0]), pairs[i][1],
                                       strlen(pairs[i][1]), 9, &added, &more[0], &dropped, &more[1],
                                       &err));
        assert_int_equal(err.code, ERROR_FORMAT);
        assert_int_equal(added.len + dropped.len, 0);
        text_finish(&added);
        text_finish(&dropped);
    }
}

static void a_crossed_limit_of_the_buffer_is_an_error(void **state)
{
    (void)state;
    struct text added = {.limit = 4};
    struct text dropped = {0};
    size_t more[2];
    struct error err = {0};
    assert_false(json_compare_keys("{}", 2, "{\"a\":1,\"longer\":2}", 18, 9, &added, &more[0],
                                   &dropped, &more[1], &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    text_finish(&added);
    text_finish(&dropped);
}

static void the_deepest_path_is_named(void **state)
{
    (void)state;
    struct text before = {0};
    struct text after = {0};
    struct text path = {0};
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        assert_true(text_puts(&before, i % 2 == 0 ? "[" : "{\"a\":"));
        assert_true(text_puts(&after, i % 2 == 0                ? "["
                                      : i == JSON_DEPTH_MAX - 1 ? "{\"z\":"
                                                                : "{\"a\":"));
        assert_true(text_puts(&path, i % 2 == 0 ? "[]" : i == JSON_DEPTH_MAX - 1 ? ".z" : ".a"));
    }
    assert_true(text_puts(&before, "1") && text_puts(&after, "1"));
    for (int i = JSON_DEPTH_MAX - 1; i >= 0; i--) {
        assert_true(text_puts(&before, i % 2 == 0 ? "]" : "}"));
        assert_true(text_puts(&after, i % 2 == 0 ? "]" : "}"));
    }
    struct outcome outcome;
    compare(&outcome, before.data, after.data, 5);
    assert_string_equal(text_string(&outcome.added), path.data);
    finish(&outcome);
    text_finish(&before);
    text_finish(&after);
    text_finish(&path);
}

static void a_hundred_thousand_distinct_keys_are_compared(void **state)
{
    (void)state;
    struct text before = {0};
    struct text after = {0};
    assert_true(text_puts(&before, "{\"first\":0") && text_puts(&after, "{\"first\":0"));
    for (int i = 0; i < 100000; i++) {
        assert_true(text_printf(&before, ",\"k%d\":%d", i, i % 7));
        assert_true(text_printf(&after, ",\"k%d\":%d", i + 3, i % 7));
    }
    assert_true(text_puts(&before, "}") && text_puts(&after, "}"));
    struct outcome outcome;
    compare(&outcome, before.data, after.data, 2);
    assert_string_equal(text_string(&outcome.added), "k100000|k100001");
    assert_string_equal(text_string(&outcome.dropped), "k0|k1");
    assert_int_equal(outcome.more_added, 1);
    assert_int_equal(outcome.more_dropped, 1);
    finish(&outcome);
    text_finish(&before);
    text_finish(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_have_no_differences),
        cmocka_unit_test(identical_bytes_are_not_even_read_as_json),
        cmocka_unit_test(added_and_dropped_keys_are_named_by_their_paths),
        cmocka_unit_test(objects_in_arrays_contribute_their_keys_once),
        cmocka_unit_test(paths_come_in_document_order),
        cmocka_unit_test(a_path_below_a_listed_one_is_left_out),
        cmocka_unit_test(the_spelling_of_a_key_does_not_matter),
        cmocka_unit_test(odd_keys_stand_in_quotes),
        cmocka_unit_test(at_most_so_many_paths_are_listed_and_the_rest_is_counted),
        cmocka_unit_test(text_that_was_there_is_kept),
        cmocka_unit_test(a_text_that_is_not_json_is_an_error),
        cmocka_unit_test(a_crossed_limit_of_the_buffer_is_an_error),
        cmocka_unit_test(the_deepest_path_is_named),
        cmocka_unit_test(a_hundred_thousand_distinct_keys_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
