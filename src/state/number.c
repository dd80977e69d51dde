#include "state/number.h"

#include <stdint.h>

/* sign 0.DIGITS * 10^(exponent + shift), DIGITS without zeros at either end. */
struct number {
    const char *digits, *digits_end; /* a decimal point may stand among them; equal: zero */
    const char *exponent, *end;      /* its digits, without leading zeros */
    bool negative, exponent_negative;
    int64_t shift;
};

static struct number take(const char *at, size_t len)
{
    const char *end = at + len;
    struct number number = {.negative = *at == '-', .end = end};
    at += number.negative;
    const char *point = NULL;
    const char *first = NULL; /* that is no zero */
    const char *last = NULL;
    const char *from = at;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            point = at;
        } else if (*at != '0') {
            first = first == NULL ? at : first;
            last = at;
        }
    }
    point = point == NULL ? at : point;
    number.digits = first == NULL ? from : first;
    number.digits_end = first == NULL ? from : last + 1;
    number.shift = number.digits < point ? point - number.digits : point + 1 - number.digits;
    at += at < end;
    number.exponent_negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    while (at < end && *at == '0') {
        at++;
    }
    number.exponent = at;
    return number;
}

static bool same_digits(const struct number *a, const struct number *b)
{
    const char *x = a->digits;
    const char *y = b->digits;
    for (;; x++, y++) {
        x += x < a->digits_end && *x == '.';
        y += y < b->digits_end && *y == '.';
        if (x >= a->digits_end || y >= b->digits_end) {
            return x >= a->digits_end && y >= b->digits_end;
        }
        if (*x != *y) {
            return false;
        }
    }
}

/* The digit with `place` digits behind it, with the exponent's sign. */
static int exponent_digit(const struct number *number, size_t place)
{
    if ((size_t)(number->end - number->exponent) <= place) {
        return 0;
    }
    int digit = *(number->end - 1 - place) - '0';
    return number->exponent_negative ? -digit : digit;
}

/* Whether the exponents differ by what the shifts do: from the highest digit down, given up as soon
 * as the difference is beyond what any text's length makes up for. */
static bool same_scale(const struct number *a, const struct number *b)
{
    int64_t wanted = b->shift - a->shift;
    int64_t difference = 0;
    size_t place = (size_t)(a->end - a->exponent);
    size_t other = (size_t)(b->end - b->exponent);
    for (place = place > other ? place : other; place > 0; place--) {
        difference = difference * 10 + exponent_digit(a, place - 1) - exponent_digit(b, place - 1);
        if (difference > INT64_MAX / 100 || difference < -(INT64_MAX / 100)) {
            return false;
        }
    }
    return difference == wanted;
}

bool number_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    struct number x = take(a, a_len);
    struct number y = take(b, b_len);
    bool x_zero = x.digits == x.digits_end;
    bool y_zero = y.digits == y.digits_end;
    if (x_zero || y_zero) {
        return x_zero && y_zero;
    }
    return x.negative == y.negative && same_digits(&x, &y) && same_scale(&x, &y);
}
