#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_examples_of_the_standard_come_out(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct text text = {0}, bytes = {0};
        assert_true(base64_encode(&text, pairs[i][0], strlen(pairs[i][0])));
        assert_string_equal(text_string(&text), pairs[i][1]);
        assert_true(base64_decode(&bytes, pairs[i][1], strlen(pairs[i][1])));
        assert_string_equal(text_string(&bytes), pairs[i][0]);
        text_finish(&text);
        text_finish(&bytes);
    }
}

static void any_bytes_of_any_length_come_back(void **state)
{
    (void)state;
    unsigned char bytes[2400];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * i + i / 7);
    }
    for (size_t len = 0; len < sizeof bytes; len += len < 10 ? 1 : 89) {
        struct text text = {0}, back = {0};
        assert_true(base64_encode(&text, bytes, len));
        assert_int_equal(text.len, BASE64_SIZE(len));
        assert_true(base64_decode(&back, text_string(&text), text.len));
        assert_int_equal(back.len, len);
        assert_memory_equal(text_string(&back), bytes, len);
        text_finish(&text);
        text_finish(&back);
    }
}

static void what_encode_would_not_write_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"Z",    "Zg",       "Zg=",  "Zh==",   "Zm9=",
                                        "Z===", "====",     "=g==", "Zg=A",   "Zm9v\n",
                                        "Zm 9", "Zg==Zg==", "Zm9-", "Zm9\x80"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct text bytes = {0};
        assert_false(base64_decode(&bytes, texts[i], strlen(texts[i])));
        text_finish(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard_come_out),
        cmocka_unit_test(any_bytes_of_any_length_come_back),
        cmocka_unit_test(what_encode_would_not_write_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
