#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void an_error_has_its_code_and_its_sentence(void **state)
{
    (void)state;
    struct error err;
    assert_false(error_set(&err, ERROR_LIMIT, "%s has %d bytes", "a.so", 7));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.text, "a.so has 7 bytes");
}

static void errno_is_told_in_words(void **state)
{
    (void)state;
    struct error err;
    char expected[256] = "cannot open x: ";
    (void)strcat(expected, strerror(EACCES));
    errno = EACCES;
    assert_false(error_errno(&err, "cannot open %s", "x"));
    assert_int_equal(err.code, ERROR_SYSTEM);
    assert_string_equal(err.text, expected);
}

static void nobody_may_want_to_know(void **state)
{
    (void)state;
    assert_false(error_set(NULL, ERROR_USAGE, "%d", 1));
    assert_false(error_errno(NULL, "%d", 1));
}

static void a_long_sentence_is_cut_and_ends_in_a_nul(void **state)
{
    (void)state;
    struct {
        struct error err;
        char behind[16];
    } room;
    char long_text[3000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    memset(room.behind, 'y', sizeof room.behind);
    errno = EPERM;
    assert_false(error_set(&room.err, ERROR_FORMAT, "%s", long_text));
    assert_int_equal(strlen(room.err.text), sizeof room.err.text - 1);
    for (int len = 1010; len < 1030; len++) {
        assert_false(error_errno(&room.err, "%.*s", len, long_text));
        assert_in_range(strlen(room.err.text), 1010, sizeof room.err.text - 1);
        assert_int_equal(room.behind[0], 'y');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_its_code_and_its_sentence),
        cmocka_unit_test(errno_is_told_in_words),
        cmocka_unit_test(nobody_may_want_to_know),
        cmocka_unit_test(a_long_sentence_is_cut_and_ends_in_a_nul),
    };
    return cmocka_run_group_tests_name("base: error", tests, NULL, NULL);
}
