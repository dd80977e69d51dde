#include "layout/convert.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_uint;

/* IDLE, RUN and JUMP here are 0, 1 and 2; there 1, 2 and 0. */
static const char strings[] = "\0IDLE\0RUN\0JUMP\0GONE";
static const struct layout_enumerator here_enumerators[] = {{1, 0, 0}, {6, 0, 1}, {10, 0, 2}};
static const struct layout_enumerator there_enumerators[] = {
    {10, 0, 0}, {1, 0, 1}, {6, 0, 2}, {15, 0, UINT64_MAX}};
static const struct layout here = {.enumerators = here_enumerators, .strings = strings};
static const struct layout there = {.enumerators = there_enumerators, .strings = strings};
static const struct layout_type enum_here = {.kind = LAYOUT_ENUM, .count = 3, .size = 4};
static const struct layout_type enum_there = {
    .kind = LAYOUT_ENUM, .flags = LAYOUT_SIGNED, .count = 4, .size = 1};

static const struct layout_type i8 = {.kind = LAYOUT_INT, .size = 1};
static const struct layout_type i32 = {.kind = LAYOUT_INT, .size = 4};
static const struct layout_type i64 = {.kind = LAYOUT_INT, .size = 8};
static const struct layout_type i128 = {.kind = LAYOUT_INT, .size = 16};
static const struct layout_type u8 = {.kind = LAYOUT_UINT, .size = 1};
static const struct layout_type u16 = {.kind = LAYOUT_UINT, .size = 2};
static const struct layout_type u64 = {.kind = LAYOUT_UINT, .size = 8};
static const struct layout_type u128 = {.kind = LAYOUT_UINT, .size = 16};
static const struct layout_type f32 = {.kind = LAYOUT_FLOAT, .size = 4};
static const struct layout_type f64 = {.kind = LAYOUT_FLOAT, .size = 8};
static const struct layout_type f80 = {.kind = LAYOUT_FLOAT, .size = 16};
static const struct layout_type truth = {.kind = LAYOUT_BOOL, .size = 1};
static const struct layout_type letter = {.kind = LAYOUT_CHAR, .flags = LAYOUT_SIGNED, .size = 1};

/* Rows of one direction; what is stored is compared with `is` as that type's own value. */
struct row {
    const struct layout_type *to;
    struct value value, is;
    enum conversion how;
};

#define INT(number)                                                                                \
    {                                                                                              \
        .kind = VALUE_INT, .wide = (number)                                                        \
    }
#define UINT(number)                                                                               \
    {                                                                                              \
        .kind = VALUE_UINT, .wide = (wide_int)(number)                                             \
    }
#define REAL(number)                                                                               \
    {                                                                                              \
        .kind = VALUE_FLOAT, .real = (number)                                                      \
    }
#define TRUTH(number)                                                                              \
    {                                                                                              \
        .kind = VALUE_BOOL, .wide = (number)                                                       \
    }
#define NAMED(number, s)                                                                           \
    {                                                                                              \
        .kind = VALUE_NAME, .wide = (number), .name = (s)                                          \
    }
#define EXACT CONVERSION_EXACT
#define LOST  CONVERSION_LOST
#define NEAR  CONVERSION_ROUNDED

#define U128_MAX (~(wide_uint)0)
#define I128_MAX ((wide_int)(U128_MAX >> 1))
#define I128_MIN (-I128_MAX - 1)

static const struct row rows[] = {
    {&i32, INT(-5), INT(-5), EXACT},
    {&i8, INT(127), INT(127), EXACT},
    {&i8, INT(128), INT(127), LOST},
    {&i8, INT(-129), INT(-128), LOST},
    {&i8, UINT(U128_MAX), INT(127), LOST},
    {&u8, INT(300), UINT(255), LOST},
    {&u8, INT(-1), UINT(0), LOST},
    {&u16, INT(65535), UINT(65535), EXACT},
    {&u64, INT(-1), UINT(0), LOST},
    {&i64, UINT(UINT64_MAX), INT(INT64_MAX), LOST},
    {&i128, UINT(U128_MAX), INT(I128_MAX), LOST},
    {&i128, INT(I128_MIN), INT(I128_MIN), EXACT},
    {&u128, UINT(U128_MAX), UINT(U128_MAX), EXACT},
    {&u128, INT(I128_MIN), UINT(0), LOST},
    {&letter, INT(200), INT(127), LOST},
    {&letter, INT('x'), INT('x'), EXACT},
    {&truth, INT(1), TRUTH(1), EXACT},
    {&truth, INT(0), TRUTH(0), EXACT},
    {&truth, INT(-7), TRUTH(1), LOST},
    {&truth, REAL(0.25L), TRUTH(1), LOST},
    {&truth, REAL(1.0L), TRUTH(1), EXACT},
    {&truth, REAL(-0.0L), TRUTH(0), EXACT},
    {&truth, REAL(NAN), TRUTH(1), LOST},
    {&i32, TRUTH(1), INT(1), EXACT},
    {&f32, TRUTH(1), REAL(1), EXACT},
    {&i32, REAL(3.0L), INT(3), EXACT},
    {&i32, REAL(3.99L), INT(3), LOST},
    {&i32, REAL(-3.99L), INT(-3), LOST},
    {&i32, REAL(2147483648.0L), INT(INT32_MAX), LOST},
    {&i32, REAL(2147483647.5L), INT(INT32_MAX), LOST},
    {&i32, REAL(-2147483648.0L), INT(INT32_MIN), EXACT},
    {&i32, REAL(-2147483648.5L), INT(INT32_MIN), LOST},
    {&i32, REAL(NAN), INT(0), LOST},
    {&i32, REAL(INFINITY), INT(INT32_MAX), LOST},
    {&i32, REAL(-INFINITY), INT(INT32_MIN), LOST},
    {&u64, REAL(18446744073709551615.0L), UINT(UINT64_MAX), EXACT},
    {&u64, REAL(18446744073709551616.0L), UINT(UINT64_MAX), LOST},
    {&u64, REAL(-0.5L), UINT(0), LOST},
    {&u128, REAL(0x1p127L), UINT((wide_uint)1 << 127), EXACT},
    {&u128, REAL(0x1p128L), UINT(U128_MAX), LOST},
    {&i128, REAL(-0x1p127L), INT(I128_MIN), EXACT},
    {&i128, REAL(0x1p127L), INT(I128_MAX), LOST},
    {&f32, INT(16777216), REAL(16777216.0L), EXACT},
    {&f32, INT(16777217), REAL(16777216.0L), NEAR},
    {&f32, INT(-16777216), REAL(-16777216.0L), EXACT},
    {&f32, UINT(U128_MAX), REAL(FLT_MAX), NEAR},
    {&f32, UINT((wide_uint)0xffffff << 104), REAL(FLT_MAX), EXACT},
    {&f64, INT(9007199254740993), REAL(9007199254740992.0L), NEAR},
    {&f64, INT(I128_MIN), REAL(-0x1p127L), EXACT},
    {&f64, UINT(U128_MAX), REAL(0x1p128L), NEAR},
    {&f80, UINT(UINT64_MAX), REAL(18446744073709551615.0L), EXACT},
    {&f32, REAL(0.5L), REAL(0.5L), EXACT},
    {&f32, REAL(0.1L), REAL(0.1F), NEAR},
    {&f32, REAL(1e300L), REAL(FLT_MAX), LOST},
    {&f32, REAL(-1e300L), REAL(-FLT_MAX), LOST},
    {&f32, REAL(1e-300L), REAL(0), LOST},
    {&f32, REAL(INFINITY), REAL(INFINITY), EXACT},
    {&f64, REAL(-INFINITY), REAL(-INFINITY), EXACT},
    {&f64, REAL(1e4000L), REAL(DBL_MAX), LOST},
    {&f80, REAL(0.1L), REAL(0.1L), EXACT},
    {&i32, NAMED(2, "JUMP"), INT(2), EXACT},
    {&f64, NAMED(2, "JUMP"), REAL(2), EXACT},
    {&enum_here, INT(2), NAMED(2, "JUMP"), EXACT},
    {&enum_here, NAMED(0, "JUMP"), NAMED(2, "JUMP"), EXACT},
    {&enum_here, NAMED(17, NULL), NAMED(17, NULL), EXACT},
    {&enum_here, NAMED(-1, "GONE"), NAMED(0, "IDLE"), LOST},
    {&enum_here, REAL(1.5L), NAMED(1, "RUN"), LOST},
};

static void values_become_the_nearest_that_the_target_has(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        unsigned char *bytes = malloc(row->to->size); /* the sanitizer sees each byte behind it */
        assert_non_null(bytes);
        memset(bytes, 0xa5, row->to->size);
        enum conversion how = convert_write(&row->value, &here, row->to, bytes, 0, 0);
        struct value is = convert_read(&here, row->to, bytes, 0, 0);
        free(bytes);
        if (how != row->how || is.kind != row->is.kind || is.wide != row->is.wide ||
            !(is.real == row->is.real) ||
            strcmp(is.name == NULL ? "" : is.name, row->is.name == NULL ? "" : row->is.name) != 0) {
            fail_msg("row %zu: %lld, %Lg, %d", i, (long long)is.wide, is.real, (int)how);
        }
    }
}

static void nan_stays_nan_in_each_float(void **state)
{
    (void)state;
    const struct layout_type *floats[] = {&f32, &f64, &f80};
    for (size_t i = 0; i < 3; i++) {
        unsigned char bytes[16];
        struct value value = REAL(NAN);
        assert_int_equal(convert_write(&value, &here, floats[i], bytes, 0, 0), EXACT);
        assert_true(isnan(convert_read(&here, floats[i], bytes, 0, 0).real));
    }
}

static void enumerators_go_by_name_and_numbers_without_one_stay(void **state)
{
    (void)state;
    static const struct {
        uint32_t number;
        int8_t becomes;
        enum conversion how;
    } cases[] = {{0, 1, EXACT}, {1, 2, EXACT}, {2, 0, EXACT}, {100, 100, EXACT}, {500, 127, LOST}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int8_t stored = 55;
        struct value value =
            convert_read(&here, &enum_here, (const unsigned char *)&cases[i].number, 0, 0);
        assert_int_equal(convert_write(&value, &there, &enum_there, (void *)&stored, 0, 0),
                         cases[i].how);
        assert_int_equal(stored, cases[i].becomes);
    }
    int8_t gone = -1;
    struct value value = convert_read(&there, &enum_there, (const unsigned char *)&gone, 0, 0);
    assert_string_equal(value.name, "GONE");
    assert_true(value.wide == -1);
}

/* Each width at each place, between bits that must stay. */
static void bit_fields_leave_their_neighbours_alone(void **state)
{
    (void)state;
    for (uint32_t bits = 1; bits <= 64; bits++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            size_t len = (bit + bits + 7) / 8;
            unsigned char *bytes = malloc(len), *was = malloc(len);
            assert_true(bytes != NULL && was != NULL);
            for (size_t i = 0; i < len; i++) {
                was[i] = bytes[i] = (unsigned char)(0x5b * (i + 3) + bits);
            }
            int64_t low = -(int64_t)((UINT64_C(1) << (bits - 1)) - 1) - 1;
            struct value value = INT(low);
            assert_int_equal(convert_write(&value, &here, &i64, bytes, bit, bits), EXACT);
            assert_true(convert_read(&here, &i64, bytes, bit, bits).wide == low);
            value.wide = (wide_int)low - 1;
            assert_int_equal(convert_write(&value, &here, &i64, bytes, bit, bits), LOST);
            assert_true(convert_read(&here, &i64, bytes, bit, bits).wide == low);
            value.wide = -(wide_int)low;
            assert_int_equal(convert_write(&value, &here, &i64, bytes, bit, bits), LOST);
            assert_true(convert_read(&here, &i64, bytes, bit, bits).wide == -(low + 1));
            assert_int_equal(convert_write(&value, &here, &u64, bytes, bit, bits), EXACT);
            assert_true(convert_read(&here, &u64, bytes, bit, bits).wide == -(wide_int)low);
            struct value real = {.kind = VALUE_FLOAT, .real = -(long double)low};
            assert_int_equal(convert_write(&real, &here, &i64, bytes, bit, bits), LOST);
            assert_true(convert_read(&here, &i64, bytes, bit, bits).wide == -(low + 1));
            assert_int_equal(convert_write(&value, &here, &u64, bytes, bit, bits), EXACT);
            for (size_t i = 0; i < len * 8; i++) {
                bool outside = i < bit || i >= bit + bits;
                assert_true(!outside || ((bytes[i / 8] ^ was[i / 8]) >> (i % 8) & 1) == 0);
            }
            free(bytes);
            free(was);
        }
    }
}

static void no_loss_is_promised_only_where_there_is_none(void **state)
{
    (void)state;
    static const struct {
        const struct layout_type *from, *to;
        bool lossless;
    } cases[] = {
        {&i32, &i64, true},       {&i64, &i32, false},      {&u8, &i32, true},
        {&i8, &u64, false},       {&u64, &i64, false},      {&u64, &i128, true},
        {&i32, &f64, true},       {&i32, &f32, false},      {&u16, &f32, true},
        {&i64, &f64, false},      {&f32, &f64, true},       {&f64, &f32, false},
        {&f32, &i128, false},     {&truth, &u8, true},      {&u8, &truth, false},
        {&truth, &f32, true},     {&truth, &truth, true},   {&letter, &i8, true},
        {&enum_here, &u64, true}, {&enum_here, &i8, false}, {&enum_here, &enum_there, false},
        {&enum_there, &i8, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool lossless = !cases[i].lossless;
        assert_true(convert_allows(&here, cases[i].from,
                                   cases[i].to == &enum_there ? &there : &here, cases[i].to,
                                   &lossless));
        if (lossless != cases[i].lossless) {
            fail_msg("case %zu", i);
        }
    }
    struct layout_type whole = {.kind = LAYOUT_STRUCT, .size = 4};
    bool lossless = true;
    assert_false(convert_allows(&here, &whole, &here, &i32, &lossless));
    assert_false(lossless);
    unsigned char bytes[4] = {1, 2, 3, 4};
    struct value value = INT(7);
    assert_int_equal(convert_write(&value, &here, &whole, bytes, 0, 0), CONVERSION_NONE);
    assert_int_equal(bytes[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_the_nearest_that_the_target_has),
        cmocka_unit_test(nan_stays_nan_in_each_float),
        cmocka_unit_test(enumerators_go_by_name_and_numbers_without_one_stay),
        cmocka_unit_test(bit_fields_leave_their_neighbours_alone),
        cmocka_unit_test(no_loss_is_promised_only_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
