#include "layout/float_text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

#define STEP       27 /* 5^27 is the last power that 64 bits hold */
#define STEP_FIRST (-11)

/* 5^(27 i), as 128 bits of which the highest is 1, and the power of two that they count. */
static const struct power {
    uint64_t high, low;
    int exponent;
} powers[] = {
    {0xA76C582338ED2621, 0xAF2AF2B80AF6F24E, -817}, {0x873E4F75E2224E68, 0x5A7744A6E804A291, -754},
    {0xDA7F5BF590966848, 0xAF39A475506A899E, -692}, {0xB080392CC4349DEC, 0xBD8D794D96AACFB3, -629},
    {0x8E938662882AF53E, 0x547EB47B7282EE9C, -566}, {0xE65829B3046B0AFA, 0x0CB4A5A3112A5112, -504},
    {0xBA121A4650E4DDEB, 0x92F34D62616CE413, -441}, {0x964E858C91BA2655, 0x3A6A07F8D510F86F, -378},
    {0xF2D56790AB41C2A2, 0xFAE27299423FB9C3, -316}, {0xC428D05AA4751E4C, 0xAA97E14C3C26B886, -253},
    {0x9E74D1B791E07E48, 0x775EA264CF55347D, -190}, {0x8000000000000000, 0x0000000000000000, -127},
    {0xCECB8F27F4200F3A, 0x0000000000000000, -65},  {0xA70C3C40A64E6C51, 0x999090B65F67D924, -2},
    {0x86F0AC99B4E8DAFD, 0x69A028BB3DED71A3, 61},   {0xDA01EE641A708DE9, 0xE80E6F4820CC9495, 123},
    {0xB01AE745B101E9E4, 0x5EC05DCFF72E7F8F, 186},  {0x8E41ADE9FBEBC27D, 0x14588F13BE847307, 249},
    {0xE5D3EF282A242E81, 0x8F1668C8A86DA5FA, 311},  {0xB9A74A0637CE2EE1, 0x6D953E2BD7173692, 374},
    {0x95F83D0A1FB69CD9, 0x4ABDAF101564F98E, 437},  {0xF24A01A73CF2DCCF, 0xBC633B39673C8CEC, 499},
    {0xC3B8358109E84F07, 0x0A862F80EC4700C8, 562},  {0x9E19DB92B4E31BA9, 0x6C07A2C26A8346D1, 625},
    {0xFF6D0B3492801150, 0x9798278AEA58EFFF, 687},
};

static uint64_t power_of_five(int exponent) /* 0 to STEP */
{
    uint64_t power = 1;
    for (uint64_t base = 5; exponent > 0; exponent >>= 1, base *= base) {
        power *= (exponent & 1) != 0 ? base : 1;
    }
    return power;
}

/* 10^exponent as *power * 2^(what is returned), *power of 128 bits, a little too small at most. */
static int power_of_ten(int exponent, wide *power)
{
    int step = (exponent + 400 * STEP) / STEP - 400;
    const struct power *row = &powers[step - STEP_FIRST];
    uint64_t five = power_of_five(exponent - step * STEP);
    wide low = (wide)row->low * five;
    wide high = (wide)row->high * five + (uint64_t)(low >> 64);
    unsigned shift = (uint64_t)(high >> 64) == 0
                         ? 64 + (unsigned)__builtin_clzll((uint64_t)high)
                         : (unsigned)__builtin_clzll((uint64_t)(high >> 64));
    *power = shift == 0 ? high : high << shift | ((uint64_t)low >> (64 - shift));
    return row->exponent + 64 - (int)shift + exponent;
}

/* factor * power / 2^shift, cut to 128 bits, which are enough. 0 < shift < 64. */
static wide scaled(uint64_t factor, wide power, unsigned shift)
{
    wide low = (wide)(uint64_t)power * factor;
    wide high = (wide)(uint64_t)(power >> 64) * factor + (uint64_t)(low >> 64);
    return high << (64 - shift) | (uint64_t)low >> shift;
}

struct decimal { /* digits * 10^exponent */
    uint64_t digits;
    int exponent;
};

#define DOUBT 16 /* what a scaled bound can be wrong by, and some more */

static bool is_doubtful(wide bound)
{
    uint64_t fraction = (uint64_t)bound;
    return fraction < DOUBT || fraction > UINT64_MAX - DOUBT;
}

/* The shortest decimal between the two neighbours' halves of mantissa * 2^exponent, and of those
 * the nearest. `first`: the mantissa's only bit is its highest, and the neighbour below is nearer.
 * `places`: digits that are enough to have one between them. False: a bound is too near to a
 * decimal to tell on which side it lies. */
static bool shortest(uint64_t mantissa, int exponent, bool first, int places,
                     struct decimal *decimal)
{
    wide power;
    int log2 = exponent + 63 - __builtin_clzll(mantissa);
    int log10 = (log2 * 315653) >> 20;
    int scale = places - log10;
    int shift = -(power_of_ten(scale, &power) + exponent - 2 + 64);
    if (shift <= 0 || shift >= 64) {
        return false;
    }
    wide value = scaled(4 * mantissa, power, (unsigned)shift);
    wide below = scaled(4 * mantissa - (first ? 1 : 2), power, (unsigned)shift);
    wide above = scaled(4 * mantissa + 2, power, (unsigned)shift);
    if (is_doubtful(below) || is_doubtful(above)) {
        return false;
    }
    uint64_t low = (uint64_t)(below >> 64) + 1, high = (uint64_t)(above >> 64);
    uint64_t nearest = (uint64_t)(value >> 64), unit = 1;
    if (low > high) {
        return false;
    }
    for (uint64_t next; (next = high / 10) >= (low + 9) / 10; scale--) {
        high = next;
        low = (low + 9) / 10;
        unit *= 10;
    }
    nearest = nearest / unit + (nearest % unit >= unit / 2 + (unit == 1));
    decimal->digits = nearest < low ? low : nearest > high ? high : nearest;
    decimal->exponent = -scale;
    return true;
}

/* ---- writing ---- */

static size_t put_digits(uint64_t digits, char *out)
{
    char reversed[20];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + digits % 10);
        digits /= 10;
    } while (digits > 0);
    for (size_t i = 0; i < len; i++) {
        out[i] = reversed[len - 1 - i];
    }
    return len;
}

/* 0.DIGITS * 10^point: as a person writes it, where that does not take many zeros. */
static size_t put_decimal(const char *digits, size_t count, int point, char *out)
{
    char *at = out;
    if (point > -6 && point <= 0) {
        *at++ = '0';
        *at++ = '.';
        memset(at, '0', (size_t)-point);
        at += -point;
        memcpy(at, digits, count);
        return (size_t)(at + count - out);
    }
    if (point > 0 && point <= 21) {
        size_t whole = (size_t)point;
        size_t now = count < whole ? count : whole;
        memcpy(at, digits, now);
        memset(at + now, '0', whole - now);
        at += whole;
        if (count > whole) {
            *at++ = '.';
            memcpy(at, digits + whole, count - whole);
            at += count - whole;
        }
        return (size_t)(at - out);
    }
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        memcpy(at, digits + 1, count - 1);
        at += count - 1;
    }
    *at++ = 'e';
    if (point - 1 < 0) {
        *at++ = '-';
    }
    at += put_digits((uint64_t)(point > 0 ? point - 1 : 1 - point), at);
    return (size_t)(at - out);
}

/* The C library's words, in a locale that has a decimal point. */
static locale_t plain_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static long double read_back(const char *text, size_t size)
{
    return size == 4 ? strtof(text, NULL) : size == 8 ? strtod(text, NULL) : strtold(text, NULL);
}

/* The same by trying one count of digits after the other. */
static size_t put_tried(long double value, size_t size, char *out)
{
    int most = size == 4 ? FLT_DECIMAL_DIG : size == 8 ? DBL_DECIMAL_DIG : LDBL_DECIMAL_DIG;
    char tried[FLOAT_TEXT_MAX + 16], digits[FLOAT_TEXT_MAX];
    size_t count = 0;
    locale_t plain = plain_locale();
    locale_t before = uselocale(plain);
    for (int precision = 0; precision < most; precision++) {
        (void)snprintf(tried, sizeof tried, "%.*Le", precision, value);
        if (read_back(tried, size) == value) {
            break;
        }
    }
    (void)uselocale(before);
    if (plain != (locale_t)0) {
        freelocale(plain);
    }
    const char *at = tried;
    for (; *at != 'e'; at++) {
        if (*at != '.') {
            digits[count++] = *at;
        }
    }
    int point = (int)strtol(at + 1, NULL, 10) + 1;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    return put_decimal(digits, count, point, out);
}

static size_t put_word(const char *word, char *out)
{
    size_t len = strlen(word);
    memcpy(out, word, len);
    return len;
}

/* All digits of a whole number that is so large that a float has it exactly. */
static size_t put_whole(double size, char *out)
{
    wide whole = (wide)size;
    uint64_t high = (uint64_t)(whole / 10000000000000000000U);
    uint64_t low = (uint64_t)(whole % 10000000000000000000U);
    size_t used = high == 0 ? 0 : put_digits(high, out);
    char digits[20];
    size_t count = put_digits(low, digits);
    size_t zeros = high == 0 ? 0 : 19 - count;
    memset(out + used, '0', zeros);
    memcpy(out + used + zeros, digits, count);
    return used + zeros + count;
}

/* What is no number, and whole numbers, which are written as they are, so that an integer can be
 * read from them. Returns 0: none of these. */
static size_t put_simple(double value, char *out)
{
    if (isnan(value)) {
        return put_word("\"NaN\"", out);
    }
    if (isinf(value)) {
        return put_word(value < 0 ? "\"-Infinity\"" : "\"Infinity\"", out);
    }
    double size = fabs(value);
    bool large = size >= 9007199254740992.0;
    if (size >= 1e21 || (!large && size != (double)(int64_t)size)) {
        return 0;
    }
    bool negative = signbit(value) != 0;
    *out = '-';
    return negative +
           (large ? put_whole(size, out + negative) : put_digits((uint64_t)size, out + negative));
}

static size_t put_short(double value, size_t size, uint64_t mantissa, int exponent, bool first,
                        char *out)
{
    struct decimal decimal;
    char digits[20];
    bool negative = value < 0;
    *out = '-';
    out += negative;
    if (!shortest(mantissa, exponent, first, size == 4 ? 9 : 17, &decimal)) {
        return put_tried(fabs(value), size, out) + negative;
    }
    size_t count = put_digits(decimal.digits, digits);
    int point = (int)count + decimal.exponent;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    return put_decimal(digits, count, point, out) + negative;
}

size_t float_text_double(double value, char out[FLOAT_TEXT_MAX])
{
    uint64_t bits;
    size_t simple = put_simple(value, out);
    if (simple > 0) {
        return simple;
    }
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    int power = (int)(bits >> 52 & 0x7FF);
    bool first = mantissa == 0 && power > 1;
    mantissa |= power > 0 ? UINT64_C(1) << 52 : 0;
    return put_short(value, 8, mantissa, (power > 0 ? power : 1) - 1075, first, out);
}

size_t float_text_single(float value, char out[FLOAT_TEXT_MAX])
{
    uint32_t bits;
    size_t simple = put_simple((double)value, out);
    if (simple > 0) {
        return simple;
    }
    memcpy(&bits, &value, sizeof bits);
    uint32_t mantissa = bits & ((1U << 23) - 1);
    int power = (int)(bits >> 23 & 0xFF);
    bool first = mantissa == 0 && power > 1;
    mantissa |= power > 0 ? 1U << 23 : 0;
    return put_short((double)value, 4, mantissa, (power > 0 ? power : 1) - 150, first, out);
}

size_t float_text(long double value, size_t size, char out[FLOAT_TEXT_MAX])
{
    if (size == 4) {
        return float_text_single((float)value, out);
    }
    if (size == 8) {
        return float_text_double((double)value, out);
    }
    double rounded = (double)value;
    size_t simple = (long double)rounded == value || isnan(value) || isinf(value)
                        ? put_simple(rounded, out)
                        : 0;
    if (simple > 0) {
        return simple;
    }
    bool negative = signbit(value) != 0;
    *out = '-';
    return put_tried(fabsl(value), 16, out + negative) + negative;
}

/* ---- reading ---- */

struct literal { /* digits * 10^exponent */
    uint64_t digits;
    int exponent;
    bool negative;
};

/* False: it has more digits, or a larger exponent, than are looked at here. */
static bool take_literal(const char *at, const char *end, struct literal *literal)
{
    unsigned count = 0;
    int exponent = 0;
    bool point = false;
    *literal = (struct literal){.negative = *at == '-'};
    for (at += literal->negative; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        literal->digits = literal->digits * 10 + (uint64_t)(*at - '0');
        literal->exponent -= point;
        count += count > 0 || literal->digits > 0; /* they wrap to 0 at last */
        if (count > 19) {
            return false;
        }
    }
    if (at < end) {
        at++;
        bool minus = *at == '-';
        for (at += *at == '-' || *at == '+'; at < end; at++) {
            exponent = exponent * 10 + (*at - '0');
            if (exponent > 1000) {
                return false;
            }
        }
        literal->exponent += minus ? -exponent : exponent;
    }
    return true;
}

static bool read_quick(const struct literal *literal, size_t size, long double *value)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int exponent = literal->exponent < 0 ? -literal->exponent : literal->exponent;
    if (size > 8 || literal->digits > UINT64_C(1) << 53 || exponent > 22) {
        return false;
    }
    double result = (double)literal->digits; /* both are exact, so one rounding is all there is */
    result = literal->exponent < 0 ? result / tens[exponent] : result * tens[exponent];
    if (size == 4) {
        uint64_t bits;
        memcpy(&bits, &result, sizeof bits);
        uint64_t rest = bits & ((UINT64_C(1) << 29) - 1);
        uint64_t half = UINT64_C(1) << 28;
        if ((rest >= half - 1 && rest <= half + 1) || result > (double)FLT_MAX ||
            (result < (double)FLT_MIN && result != 0)) {
            return false; /* a second rounding might go the other way */
        }
        result = (double)(float)result;
    }
    *value = literal->negative ? -result : result;
    return true;
}

bool float_text_read(const char *text, size_t len, size_t size, long double *value)
{
    struct literal literal;
    char few[256];
    if (take_literal(text, text + len, &literal) && read_quick(&literal, size, value)) {
        return true;
    }
    char *copy = len < sizeof few ? few : malloc(len + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    locale_t plain = plain_locale();
    locale_t before = uselocale(plain);
    *value = read_back(copy, size);
    if (isinf(*value)) {
        *value = strtold(copy, NULL);
    }
    (void)uselocale(before);
    if (plain != (locale_t)0) {
        freelocale(plain);
    }
    if (copy != few) {
        free(copy);
    }
    return true;
}
