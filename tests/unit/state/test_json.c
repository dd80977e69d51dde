#include "state/json.h"

#include "state/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct document {
    const char *text;
    size_t len;
    const char *says; /* a part of the error */
};

#define TEXT(literal) (literal), sizeof(literal) - 1
#define VALID(literal)                                                                             \
    {                                                                                              \
        TEXT(literal), NULL                                                                        \
    }
#define BAD(literal, says_)                                                                        \
    {                                                                                              \
        TEXT(literal), (says_)                                                                     \
    }

/* A copy without a byte behind it: AddressSanitizer sees each read beyond the end. */
static bool check(const char *text, size_t len, struct error *err)
{
    char *exact = malloc(len == 0 ? 1 : len);
    assert_non_null(exact);
    if (len > 0) {
        memcpy(exact, text, len);
    }
    *err = (struct error){0};
    bool ok = json_check(exact, len, err);
    assert_true(ok == accept_json(exact, len));
    free(exact);
    return ok;
}

static const struct document valid[] = {
    VALID("null"),
    VALID("true"),
    VALID("false"),
    VALID("0"),
    VALID("-0"),
    VALID("-0.0e-0"),
    VALID("123456789012345678901234567890"),
    VALID("9007199254740993"),
    VALID("1e999"),
    VALID("1E+2"),
    VALID("0.5"),
    VALID("0e1"),
    VALID("\"\""),
    VALID("\"a\""),
    VALID(" \t\r\n1 \t\r\n"),
    VALID("                    1                    "),
    VALID("[]"),
    VALID("[ ]"),
    VALID("{}"),
    VALID("{ }"),
    VALID("[1,2 , 3]"),
    VALID("[[],[[]],{}]"),
    VALID("[\n        1,\n                 2\n]"),
    VALID("{\"a\":1}"),
    VALID("{ \"a\" : 1 , \"b\" : [ ] }"),
    VALID("{\"\":0}"),
    VALID("{\"a\":{\"a\":{\"a\":1}}}"),
    VALID("[{\"a\":1},{\"a\":1}]"),
    VALID("{\"a\":1,\"A\":1}"),
    VALID("{\"a\":1,\"a \":1}"),
    VALID("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    VALID("\"\\u0000\""),
    VALID("{\"\\u0000\":1,\"\":2}"),
    VALID("\"\\uD834\\uDD1E\""),
    VALID("\"\\ud834\\udd1e\""),
    VALID("\"\\uFFFF\\uFDD0\""),
    VALID("\"\\uDBFF\\uDFFF\""),
    VALID("\"\x7F\""),
    VALID("\"\xC2\x80\xDF\xBF\""),
    VALID("\"\xE0\xA0\x80\xEF\xBF\xBF\xED\x9F\xBF\xEE\x80\x80\""),
    VALID("\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\""),
    VALID("\"\xE2\x80\xA8\xEF\xBB\xBF\""),
    VALID("\"eight by eight by eight\""),
    VALID("[\"01234567\",\"012345\\n7\",\"0123456\xC3\xBC\"]"),
};

static const struct document invalid[] = {
    BAD("", "line 1, column 1 (byte 0): expected a value, found the end of the text"),
    BAD(" ", "byte 1): expected a value, found the end of the text"),
    BAD("\xEF\xBB\xBF{}", "found a byte-order mark (U+FEFF)"),
    BAD("\xFF\xFE", "found the byte 0xFF"),
    BAD("nul", "expected a value, found 'nul'"),
    BAD("True", "found 'True'"),
    BAD("NaN", "found 'NaN'"),
    BAD("Infinity", "found 'Infinity'"),
    BAD("nulll", "(byte 4): expected nothing behind the value, found 'l'"),
    BAD("-Infinity", "expected a digit behind '-', found 'Infinity'"),
    BAD("-", "expected a digit behind '-', found the end of the text"),
    BAD("+1", "expected a value, found '+'"),
    BAD("01", "expected no digit behind a leading 0, found '1'"),
    BAD("-012", "expected no digit behind a leading 0"),
    BAD("1.", "expected a digit behind the decimal point"),
    BAD("1.e1", "expected a digit behind the decimal point, found 'e'"),
    BAD(".5", "expected a value, found '.'"),
    BAD("1e", "expected a digit in the exponent"),
    BAD("1e+", "expected a digit in the exponent"),
    BAD("1e1.5", "expected nothing behind the value, found '.'"),
    BAD("0x10", "expected nothing behind the value, found 'x'"),
    BAD("1_000", "found '_'"),
    BAD("1 2", "expected nothing behind the value, found '2'"),
    BAD("{}{}", "expected nothing behind the value, found '{'"),
    BAD("[]]", "expected nothing behind the value, found ']'"),
    BAD("\xC2\xA0", "found U+00A0"),
    BAD("1\0", "found the byte 0x00"),
    BAD("\f1", "found the byte 0x0C"),
    BAD("// no\n1", "expected a value, found '/'"),
    BAD("[1,]", "(byte 3): expected a value behind the comma, found ']'"),
    BAD("[,1]", "expected a value or ']', found ','"),
    BAD("[1,,2]", "expected a value behind the comma, found ','"),
    BAD("[1 2]", "expected ',' or ']', found '2'"),
    BAD("[1}", "expected ',' or ']', found '}'"),
    BAD("[1:2]", "expected ',' or ']', found ':'"),
    BAD("[", "expected a value or ']', found the end of the text"),
    BAD("[1", "expected ',' or ']', found the end of the text"),
    BAD("[1,", "expected a value behind the comma, found the end of the text"),
    BAD("]", "expected a value, found ']'"),
    BAD("{", "expected a key in double quotes or '}', found the end of the text"),
    BAD("{1:1}", "expected a key in double quotes or '}', found '1'"),
    BAD("{a:1}", "expected a key in double quotes or '}', found 'a'"),
    BAD("{'a':1}", "found '''"),
    BAD("{\"a\"}", "expected ':' behind a key, found '}'"),
    BAD("{\"a\" 1}", "expected ':' behind a key, found '1'"),
    BAD("{\"a\":}", "expected a value, found '}'"),
    BAD("{\"a\":1,}", "expected a key in double quotes behind the comma, found '}'"),
    BAD("{\"a\":1 \"b\":2}", "expected ',' or '}', found '\"'"),
    BAD("{\"a\":1]", "expected ',' or '}', found ']'"),
    BAD("{\"a\":1", "expected ',' or '}', found the end of the text"),
    BAD("{\"a", "closing quote of the string that starts at byte 1"),
    BAD("\"", "closing quote of the string that starts at byte 0, found the end of the text"),
    BAD("\"a\\", "behind a backslash, found the end of the text"),
    BAD("\"\\x41\"", "behind a backslash, found 'x'"),
    BAD("\"\\\0\"", "behind a backslash, found the byte 0x00"),
    BAD("\"\\u\"", "expected four hexadecimal digits behind \\u, found '\"'"),
    BAD("\"\\u12G4\"", "(byte 5): expected four hexadecimal digits behind \\u, found 'G'"),
    BAD("\"\\u123", "expected four hexadecimal digits behind \\u, found the end"),
    BAD("\"\\uD800\"", "(byte 1): expected a surrogate pair"),
    BAD("\"\\uD800\\u0041\"", "found \\uD800 alone"),
    BAD("\"\\uD800\\n\"", "found \\uD800 alone"),
    BAD("\"\\uD800\\uD800\"", "found \\uD800 alone"),
    BAD("\"\\uDC00\"", "found \\uDC00 alone"),
    BAD("\"\\uD800\\uDC", "found \\uD800 alone"),
    BAD("\"a\nb\"",
        "control characters in a string as escapes (\\n, \\u001f), found the byte 0x0A"),
    BAD("\"\t\"", "found the byte 0x09"),
    BAD("\"\0\"", "found the byte 0x00"),
    BAD("\"\\n\x1F\"", "found the byte 0x1F"),
    BAD("\"\x80\"", "expected UTF-8, found the byte 0x80"),
    BAD("\"\xC0\xAF\"", "expected UTF-8, found the byte 0xC0"),
    BAD("\"\xC1\xBF\"", "expected UTF-8"),
    BAD("\"\xC3\"", "expected UTF-8, found the byte 0xC3"),
    BAD("\"\xC3", "expected UTF-8"),
    BAD("\"\xE0\x9F\xBF\"", "expected UTF-8"),
    BAD("\"\xED\xA0\x80\"", "expected UTF-8, found the byte 0xED"),
    BAD("\"\xE2\x82\"", "expected UTF-8"),
    BAD("\"\xF0\x8F\xBF\xBF\"", "expected UTF-8"),
    BAD("\"\xF4\x90\x80\x80\"", "expected UTF-8"),
    BAD("\"\xF5\x80\x80\x80\"", "expected UTF-8"),
    BAD("\"\xF0\x9F\x98", "expected UTF-8"),
    BAD("\"01234567\xFF\"", "(byte 9): expected UTF-8, found the byte 0xFF"),
    BAD("[\"a\",\n \"\xC3\xBC\", x]", "line 2, column 7 (byte 13): expected a value, found 'x'"),
    BAD("{\"a\":1,\"a\":2}", "(byte 7): expected each key once in an object, found \"a\" again, "
                             "first at byte 1"),
    BAD("{\"a\":1,\"\\u0061\":2}", "found \"a\" again, first at byte 1"),
    BAD("{\"\\u00e4\":1,\"b\":0,\"\xC3\xA4\":2}", "found \"\xC3\xA4\" again, first at byte 1"),
    BAD("{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}", "again, first at byte 1"),
    BAD("{\"/\":1,\"\\/\":2}", "found \"/\" again"),
    BAD("{\"\\u000a\":1,\"\\n\":2}", "found \"\\n\" again"),
    BAD("{\"\":1,\"\":2}", "found \"\" again"),
    BAD("[{\"x\":{\"k\":1,\"l\":{\"k\":0},\"k\":1}}]", "found \"k\" again, first at byte 7"),
    BAD("{\"\xE2\x80\xAE\":1,\"\xE2\x80\xAE\":1}", "found \"\\u202e\" again"),
};

static void valid_documents_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        struct error err;
        if (!check(valid[i].text, valid[i].len, &err)) {
            fail_msg("%s: %s", valid[i].text, err.text);
        }
    }
}

static void invalid_documents_are_refused_with_place_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        struct error err;
        if (check(invalid[i].text, invalid[i].len, &err)) {
            fail_msg("accepted: %s", invalid[i].text);
        }
        assert_int_equal(err.code, ERROR_FORMAT);
        if (strstr(err.text, invalid[i].says) == NULL) {
            fail_msg("%s: '%s' lacks '%s'", invalid[i].text, err.text, invalid[i].says);
        }
        assert_false(json_check(invalid[i].text, invalid[i].len, NULL));
    }
}

static void no_text_at_all_is_refused_like_an_empty_one(void **state)
{
    (void)state;
    struct error err;
    assert_false(json_check(NULL, 0, &err));
    assert_string_equal(err.text, "line 1, column 1 (byte 0): expected a value, found the end of "
                                  "the text");
}

static void every_proper_prefix_of_an_object_is_refused(void **state)
{
    (void)state;
    const char text[] = "{\"a\\u00e4\\ud83d\\ude00\":[1.5e-3,true,null,\"\xC3\xBC\xE2\x82\xAC\"],"
                        "\"b\":{\"c\":false,\"d\":[[]],\"e\":-0}}";
    struct error err;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        assert_false(check(text, len, &err));
    }
    assert_true(check(text, sizeof text - 1, &err));
}

static void a_bad_byte_is_found_at_each_place_of_a_long_string(void **state)
{
    (void)state;
    static const char bad[] = {'\n', '\x80', '\0', '\x1F'};
    char text[42];
    for (size_t i = 1; i < sizeof text - 1; i++) {
        for (size_t b = 0; b < sizeof bad; b++) {
            memset(text, 'x', sizeof text);
            text[0] = text[sizeof text - 1] = '"';
            text[i] = bad[b];
            char place[32];
            (void)snprintf(place, sizeof place, "(byte %zu)", i);
            struct error err;
            assert_false(check(text, sizeof text, &err));
            assert_non_null(strstr(err.text, place));
        }
    }
}

static char *nested(size_t depth, const char *open, const char *middle, const char *close)
{
    struct text text = {0};
    for (size_t i = 0; i < depth; i++) {
        assert_true(text_puts(&text, open));
    }
    assert_true(text_puts(&text, middle));
    for (size_t i = 0; i < depth; i++) {
        assert_true(text_puts(&text, close));
    }
    return text.data;
}

static void depth_512_is_accepted_and_513_is_over_the_limit(void **state)
{
    (void)state;
    const char *const open[] = {"[", "{\"a\":"};
    const char *const close[] = {"]", "}"};
    for (size_t i = 0; i < 2; i++) {
        struct error err;
        char *most = nested(JSON_DEPTH_MAX, open[i], "1", close[i]);
        assert_true(check(most, strlen(most), &err));
        free(most);
        char *more = nested(JSON_DEPTH_MAX + 1, open[i], "1", close[i]);
        assert_false(check(more, strlen(more), &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        assert_non_null(strstr(err.text, "expected at most 512 objects and arrays"));
        free(more);
    }
}

static void a_million_open_brackets_are_refused_without_recursion(void **state)
{
    (void)state;
    char *text = nested(1000000, "[", "", "");
    struct error err;
    assert_false(check(text, strlen(text), &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    free(text);
}

static void append_keys(struct text *text, int count)
{
    for (int i = 0; i < count; i++) {
        assert_true(text_printf(text, "%s\"k%d\":%d", i == 0 ? "" : ",", i, i));
    }
}

static void a_duplicate_is_found_among_any_number_of_keys(void **state)
{
    (void)state;
    static const int counts[] = {1, 2, 15, 16, 17, 18, 63, 64, 65, 1000, 100000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct text text = {0};
        struct error err;
        assert_true(text_puts(&text, "[{\"outer\":{"));
        append_keys(&text, counts[i]);
        size_t open = text.len;
        assert_true(text_puts(&text, "}}]"));
        assert_true(check(text.data, text.len, &err));
        text.len = open;
        assert_true(text_printf(&text, ",\"\\u006b%d\":0}}]", counts[i] / 2));
        assert_false(check(text.data, text.len, &err));
        char key[32];
        (void)snprintf(key, sizeof key, "found \"k%d\" again", counts[i] / 2);
        assert_non_null(strstr(err.text, key));
        text_finish(&text);
    }
}

static void a_long_duplicate_key_is_cut_in_the_error(void **state)
{
    (void)state;
    char *key = nested(3000, "\\u00e4", "", "");
    struct text text = {0};
    assert_true(text_printf(&text, "{\"%s\":1,\"%s\":2}", key, key));
    struct error err;
    assert_false(check(text.data, text.len, &err));
    assert_non_null(strstr(err.text, "\xC3\xA4\"... again, first at byte 1"));
    assert_true(strlen(err.text) < 200);
    text_finish(&text);
    free(key);
}

static void keys_of_closed_objects_are_forgotten(void **state)
{
    (void)state;
    struct text text = {0};
    assert_true(text_puts(&text, "[0"));
    for (int i = 0; i < 1000; i++) {
        assert_true(text_puts(&text, ",{\"a\":{\"a\":1,\"b\":2},\"b\":[{\"a\":1},{\"a\":2}]}"));
    }
    assert_true(text_puts(&text, "]"));
    struct error err;
    assert_true(check(text.data, text.len, &err));
    text_finish(&text);
}

/* Each mutation of a valid document is either refused with a sentence or accepted, never a crash;
 * what is accepted stays accepted with white space around it. */
static void random_damage_is_survived(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\u00e4\":[1.5e-3,true,null,\"\xC3\xBC\\ud83d\\ude00\"],"
                               "\"b\":{\"c\":false,\"d\":[[]],\"e\":-0},\"f\":\"plain and long\"}";
    static const char bytes[] = "{}[]\",:\\u0dD8-.eEtn \n\x80\xC3\xED\xF0\xFF";
    uint32_t random = 1;
    for (int round = 0; round < 100000; round++) {
        char damaged[sizeof text + 1];
        damaged[0] = ' ';
        memcpy(damaged + 1, text, sizeof text - 1);
        for (int i = 0; i < 1 + round % 3; i++) {
            random = random * 1664525 + 1013904223;
            size_t at = 1 + (random >> 8) % (sizeof text - 1);
            random = random * 1664525 + 1013904223;
            damaged[at] = bytes[(random >> 8) % sizeof bytes];
        }
        damaged[sizeof text] = '\n';
        struct error err;
        bool ok = check(damaged + 1, sizeof text - 1, &err);
        assert_true(ok == (err.text[0] == '\0'));
        assert_true(ok == check(damaged, sizeof text + 1, &err));
    }
}

static void assert_quoted(const char *string, const char *expected)
{
    struct text out = {0};
    assert_true(json_quote(&out, string));
    assert_string_equal(out.data, expected);
    struct error err;
    assert_true(json_check(out.data, out.len, &err));
    text_finish(&out);
}

static void a_quoted_string_is_valid_json_whatever_its_bytes(void **state)
{
    (void)state;
    assert_quoted("", "\"\"");
    assert_quoted("plain", "\"plain\"");
    assert_quoted("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    assert_quoted("\b\f\n\r\t\v\x01\x1F\x7F", "\"\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f\\u007f\"");
    assert_quoted("\xC3\xBC\xE4\xB8\xAD\xF0\x9F\x98\x80",
                  "\"\xC3\xBC\xE4\xB8\xAD\xF0\x9F\x98\x80\"");
    assert_quoted("\xC2\x9B"
                  "31m\xE2\x80\xAE\xEF\xBB\xBF",
                  "\"\\u009b31m\\u202e\\ufeff\"");
    assert_quoted("a\xFF\xC3", "\"a\xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_quoted("\xED\xA0\x80x", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx\"");
    char all[256];
    for (size_t i = 0; i < 255; i++) {
        all[i] = (char)(i + 1);
    }
    all[255] = '\0';
    struct text out = {0};
    struct error err;
    assert_true(json_quote(&out, all));
    assert_true(json_check(out.data, out.len, &err));
    text_clear(&out);
    assert_true(json_quote_bytes(&out, "a\0b", 3));
    assert_string_equal(out.data, "\"a\\u0000b\"");
    text_finish(&out);
}

static void quoting_beyond_the_limit_fails(void **state)
{
    (void)state;
    struct text out = {.limit = 4};
    assert_false(json_quote(&out, "long"));
    assert_true(out.failed);
    text_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_documents_are_accepted),
        cmocka_unit_test(invalid_documents_are_refused_with_place_and_reason),
        cmocka_unit_test(no_text_at_all_is_refused_like_an_empty_one),
        cmocka_unit_test(every_proper_prefix_of_an_object_is_refused),
        cmocka_unit_test(a_bad_byte_is_found_at_each_place_of_a_long_string),
        cmocka_unit_test(depth_512_is_accepted_and_513_is_over_the_limit),
        cmocka_unit_test(a_million_open_brackets_are_refused_without_recursion),
        cmocka_unit_test(a_duplicate_is_found_among_any_number_of_keys),
        cmocka_unit_test(a_long_duplicate_key_is_cut_in_the_error),
        cmocka_unit_test(keys_of_closed_objects_are_forgotten),
        cmocka_unit_test(random_damage_is_survived),
        cmocka_unit_test(a_quoted_string_is_valid_json_whatever_its_bytes),
        cmocka_unit_test(quoting_beyond_the_limit_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
