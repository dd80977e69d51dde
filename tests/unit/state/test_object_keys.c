#include "state/object_keys.h"

#include "base/text.h"
#include "state/accept.h"
#include "state/spelling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy without a byte behind it: AddressSanitizer sees each read beyond the end. */
static bool accepts(const char *text, size_t len)
{
    char *exact = malloc(len == 0 ? 1 : len);
    assert_non_null(exact);
    memcpy(exact, text, len);
    bool ok = accept_json(exact, len);
    free(exact);
    return ok;
}

/* Behind an object with the key `first`: one with `second`, then one with both. */
static void compare(const char *first, const char *second, bool equal)
{
    char text[256];
    int len =
        snprintf(text, sizeof text, "[{\"%s\":1},{\"%s\":1},{\"%s\":1}]", first, second, first);
    assert_true(accepts(text, (size_t)len));
    len = snprintf(text, sizeof text, "[{\"%s\":1},{\"%s\":1,\"%s\":1}]", first, first, second);
    assert_true(accepts(text, (size_t)len) != equal);
    len = snprintf(text, sizeof text, "[{\"%s\":1},{\"%s", first, first);
    assert_false(accepts(text, (size_t)len));
}

static void keys_of_any_length_are_told_apart_by_their_last_character(void **state)
{
    (void)state;
    char one[40] = "";
    char other[40] = "";
    for (size_t len = 1; len < 30; len++) {
        memset(one, 'k', len);
        memcpy(other, one, len + 1);
        compare(one, other, true);
        other[len - 1] = 'K';
        compare(one, other, false);
        compare(one, one + 1, false);
    }
}

static void a_key_is_the_same_in_each_spelling(void **state)
{
    (void)state;
    compare("a", "\\u0061", true);
    compare("\\u0061", "a", true);
    compare("\\u0061", "\\u0062", false);
    compare("\\n", "\\u000a", true);
    compare("", "\\u0000", false);
    compare("\\u0000", "\\u0000\\u0000", false);
    compare("position_x", "position\\u005fx", true);
    compare("position_x", "position\\u005fy", false);
    compare("\xC3\xA4", "\\u00e4", true);
}

/* The mark of an escaped key is that of its characters, which may not stand in a string as they
 * are. */
static void a_key_is_not_taken_for_the_escaped_one_before_it(void **state)
{
    (void)state;
    static const char unit[] = "[{\"\\u0061\":1},{\"a\0\0\0\0\0\":1}]";
    static const char letter[] = "[{\"\\n\":1},{\"\n\0\":1}]";
    static const char bare[] = "[{\"\\n\":1},{\"\n\":1}]";
    assert_false(accepts(unit, sizeof unit - 1));
    assert_false(accepts(letter, sizeof letter - 1));
    assert_false(accepts(bare, sizeof bare - 1));
}

static void a_duplicate_is_found_in_a_record_like_the_one_before(void **state)
{
    (void)state;
    static const char good[] =
        "[{\"a\":{\"b\":1,\"c\":2},\"d\":1},{\"a\":{\"b\":1,\"c\":2},\"d\":1},"
        "{\"b\":{\"b\":1,\"c\":2},\"c\":1},{\"d\":1,\"c\":2,\"b\":3}]";
    static const char bad[] =
        "[{\"a\":{\"b\":1,\"c\":2},\"d\":1},{\"a\":{\"b\":1,\"c\":2},\"a\":1}]";
    static const char inner[] = "[{\"a\":{\"b\":1,\"c\":2}},{\"a\":{\"b\":1,\"b\":2}}]";
    assert_true(accepts(good, sizeof good - 1));
    assert_false(accepts(bad, sizeof bad - 1));
    assert_false(accepts(inner, sizeof inner - 1));
}

/* All want the same place of the table for so many keys, which gives way to sorting. */
static void keys_that_meet_on_purpose_are_told_apart(void **state)
{
    (void)state;
    enum {
        COUNT = 1000,
        PLACES = 2048
    };
    struct text text = {0};
    assert_true(text_puts(&text, "{"));
    char key[16];
    for (unsigned i = 0, found = 0; found < COUNT; i++) {
        int len = snprintf(key, sizeof key, "%x", i);
        if (spelling_mix(spelling_mark(key, (size_t)len, key + len)) % PLACES == 0) {
            assert_true(text_printf(&text, "%s\"%s\":1", found == 0 ? "" : ",", key));
            found++;
        }
    }
    size_t open = text.len;
    assert_true(text_puts(&text, "}"));
    assert_true(accepts(text.data, text.len));
    text.len = open;
    assert_true(
        text_printf(&text, ",%.*s}", (int)(strchr(text.data, ',') - text.data - 1), text.data + 1));
    assert_false(accepts(text.data, text.len));
    text_finish(&text);
}

static void a_repeated_key_comes_with_the_one_it_repeats(void **state)
{
    (void)state;
    static const char text[16] = "abcab";
    struct object_keys keys;
    const struct object_key *first = NULL;
    const struct object_key *again = NULL;
    object_keys_start(&keys);
    object_keys_open(&keys, 0);
    for (size_t i = 0; i < 5; i++) {
        assert_true(object_keys_add(&keys, text + i, 1, text + sizeof text, false));
    }
    assert_false(object_keys_close(&keys, 0, &first, &again));
    assert_ptr_equal(first->raw, text);
    assert_ptr_equal(again->raw, text + 3);
    object_keys_finish(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_any_length_are_told_apart_by_their_last_character),
        cmocka_unit_test(a_key_is_the_same_in_each_spelling),
        cmocka_unit_test(a_key_is_not_taken_for_the_escaped_one_before_it),
        cmocka_unit_test(a_duplicate_is_found_in_a_record_like_the_one_before),
        cmocka_unit_test(keys_that_meet_on_purpose_are_told_apart),
        cmocka_unit_test(a_repeated_key_comes_with_the_one_it_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
