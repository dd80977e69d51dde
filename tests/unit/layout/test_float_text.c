#include "drafts.h"

#include "layout/float_text.h"

#include <float.h>
#include <locale.h>
#include <math.h>

static const char *text_of(long double value, size_t size)
{
    static char text[FLOAT_TEXT_MAX + 1];
    text[float_text(value, size, text)] = '\0';
    return text;
}

static void floats_have_the_fewest_digits(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "5e-324"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_MAX, "1.7976931348623157e308"},
        {1e21, "1e21"},
        {1e20, "100000000000000000000"},
        {1e-5, "0.00001"},
        {1e-7, "1e-7"},
        {123456.789, "123456.789"},
        {9007199254740993.0, "9007199254740992"},
        {18446744073709551616.0, "18446744073709551616"},
        {1e23, "1e23"},
        {9.5367431640625e-07, "9.5367431640625e-7"},
        {INFINITY, "\"Infinity\""},
        {-INFINITY, "\"-Infinity\""},
        {NAN, "\"NaN\""},
        {2.2250738585072011e-308, "2.225073858507201e-308"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(text_of(rows[i].value, 8), rows[i].text);
    }
    assert_string_equal(text_of(0.1F, 4), "0.1");
    assert_string_equal(text_of(FLT_MAX, 4), "3.4028235e38");
    assert_string_equal(text_of(FLT_TRUE_MIN, 4), "1e-45");
    assert_string_equal(text_of(16777216.0F, 4), "16777216");
    assert_string_equal(text_of(2.5L, 16), "2.5");
}

/* The fewest digits with which the C library reads the value back. */
static int fewest(double value, bool single)
{
    char tried[64];
    for (int digits = 1; digits < 17; digits++) {
        (void)snprintf(tried, sizeof tried, "%.*e", digits - 1, value);
        if (single ? strtof(tried, NULL) == (float)value : strtod(tried, NULL) == value) {
            return digits;
        }
    }
    return 17;
}

static int digits_of(const char *text)
{
    int count = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0')) {
            count++;
            zeros = *text == '0' ? zeros + 1 : 0;
        }
    }
    return count - zeros;
}

static void expect_exact(double value, bool single)
{
    const char *text = text_of(value, single ? 4 : 8);
    long double back = 0;
    double read = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (read != value ||
        (fabs(value) < (single ? 16777216 : 9e15) && digits_of(text) > fewest(value, single))) {
        fail_msg("%a is no %s", value, text);
    }
    assert_true(float_text_read(text, strlen(text), single ? 4 : 8, &back));
    if ((double)back != value) {
        fail_msg("%s was read as %a", text, (double)back);
    }
}

static void each_float_is_read_back_as_it_was(void **state)
{
    (void)state;
    static const double tens[] = {1, 10, 100, 1000, 100000};
    uint64_t random = UINT64_C(88172645463325252);
    long times = getenv("HOTRUN_TEST_ALL") != NULL ? 1000000 : 30000;
    for (long i = 0; i < times; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        double twice;
        float single;
        uint32_t half = (uint32_t)(random >> 16);
        memcpy(&twice, &random, sizeof twice);
        memcpy(&single, &half, sizeof single);
        if (i % 3 == 1) { /* as people write them */
            twice = (double)(random % 1000000000) / tens[random % 5];
        } else if (i % 3 == 2) { /* beside powers of two */
            uint64_t bits = (random & UINT64_C(0xFFF0000000000000)) | (random & 15);
            memcpy(&twice, &bits, sizeof twice);
        }
        if (isfinite(twice)) {
            expect_exact(twice, false);
        }
        if (isfinite(single)) {
            expect_exact((double)single, true);
        }
    }
}

static void long_doubles_are_read_back_as_they_were(void **state)
{
    (void)state;
    const long double values[] = {0.1L,     1.0L / 3, 18446744073709551615.0L, LDBL_MAX,
                                  LDBL_MIN, -1e4000L, 3.14159265358979323846L};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const char *text = text_of(values[i], 16);
        long double back = 0;
        assert_true(float_text_read(text, strlen(text), 16, &back));
        assert_true(back == values[i]);
    }
}

static void numbers_as_others_write_them_are_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        double value;
    } rows[] = {
        {"1E+2", 100},
        {"0.000e99999", 0},
        {"18446744073709551617", 18446744073709551617.0},
        {"00", 0},
        {"1e-400", 0},
        {"0.30000000000000004440892098500626", 0.30000000000000004},
        {"9007199254740993", 9007199254740992.0},
        {"-1.7976931348623157e+308", -DBL_MAX},
        {"184467440737095516160000000000000000000000000000000000", 0x1.ed09bead87c03p+176},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        long double value = 1;
        assert_true(float_text_read(rows[i].text, strlen(rows[i].text), 8, &value));
        if ((double)value != rows[i].value) {
            fail_msg("%s was read as %a", rows[i].text, (double)value);
        }
    }
    long double value = 0;
    assert_true(float_text_read("1e39", 4, 4, &value));
    assert_true(value == 1e39L); /* beyond its bounds: for the table of conversions to cut */
    assert_true(float_text_read("1.00000017881393432617187499", 28, 4, &value));
    assert_true(value == 1.00000011920928955078125L); /* a double rounds it up to the tie */
}

static void a_decimal_comma_of_the_module_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)setlocale(LC_ALL, names[i]);
    }
    long double value = 0;
    assert_string_equal(text_of(1.0L / 3, 16), "0.33333333333333333334");
    assert_true(float_text_read("0.30000000000000004440892098500626", 34, 8, &value));
    assert_true((double)value == 0.30000000000000004);
    (void)setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_have_the_fewest_digits),
        cmocka_unit_test(each_float_is_read_back_as_it_was),
        cmocka_unit_test(long_doubles_are_read_back_as_they_were),
        cmocka_unit_test(numbers_as_others_write_them_are_read),
        cmocka_unit_test(a_decimal_comma_of_the_module_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
