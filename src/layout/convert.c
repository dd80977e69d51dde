#include "layout/convert.h"

#include "state/utf8.h"

#include <float.h>
#include <math.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "scalars are read and written with the lowest byte first"
#endif

__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_uint;

#define WIDE_MAX ((wide_int)(~(wide_uint)0 >> 1))

/* The bytes of a long double that count; the rest is padding, and written as zeros. */
#define LONG_BYTES (LDBL_MANT_DIG == 64 ? 10 : sizeof(long double))

/* ---- reading ---- */

static bool is_signed(const struct layout_type *type)
{
    return type->kind == LAYOUT_INT || (type->flags & LAYOUT_SIGNED) != 0;
}

static wide_int sign_extend(wide_uint bits, uint32_t count)
{
    unsigned shift = 128 - count;
    return (wide_int)(bits << shift) >> shift;
}

/* The bits of an integer, not extended. */
static wide_uint read_bits(const unsigned char *bytes, uint32_t bit, uint32_t bits)
{
    wide_uint all = 0;
    memcpy(&all, bytes, (bit + bits + 7) / 8);
    return (all >> bit) & (~(wide_uint)0 >> (128 - bits));
}

static long double read_float(const unsigned char *bytes, uint64_t size)
{
    if (size == sizeof(float)) {
        float narrow;
        memcpy(&narrow, bytes, sizeof narrow);
        return (long double)narrow;
    }
    if (size == sizeof(double)) {
        double middle;
        memcpy(&middle, bytes, sizeof middle);
        return (long double)middle;
    }
    long double real = 0;
    memcpy(&real, bytes, LONG_BYTES);
    return real;
}

static const char *enumerator_of(const struct layout *layout, const struct layout_type *type,
                                 wide_int number)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_enumerator *one = &layout->enumerators[type->first + i];
        if (one->value == (uint64_t)number) {
            return layout_string(layout, one->name);
        }
    }
    return NULL;
}

static uint32_t width_of(const struct layout_type *type, uint32_t bits)
{
    return bits != 0 ? bits : (uint32_t)type->size * 8;
}

struct value convert_read(const struct layout *layout, const struct layout_type *type,
                          const unsigned char *bytes, uint32_t bit, uint32_t bits)
{
    struct value value = {.kind = VALUE_UINT};
    if (type->kind == LAYOUT_FLOAT) {
        value.kind = VALUE_FLOAT;
        value.real = read_float(bytes, type->size);
        return value;
    }
    uint32_t width = width_of(type, bits);
    wide_uint raw = read_bits(bytes, bits != 0 ? bit : 0, width);
    if (type->kind == LAYOUT_BOOL) {
        value.kind = VALUE_BOOL;
        value.wide = raw != 0;
        return value;
    }
    value.wide = is_signed(type) ? sign_extend(raw, width) : (wide_int)raw;
    value.kind = is_signed(type) ? VALUE_INT : VALUE_UINT;
    if (type->kind == LAYOUT_ENUM) {
        value.kind = VALUE_NAME;
        value.name = enumerator_of(layout, type, value.wide);
    }
    return value;
}

/* ---- integers ---- */

struct range {
    wide_int low;
    wide_uint high;
    int bits;           /* of `high` */
    long double beyond; /* one more than `high`: a power of two, so that it is exact */
};

static struct range range_of(const struct layout_type *type, uint32_t bits)
{
    uint32_t width = width_of(type, bits) - is_signed(type);
    wide_uint high = width == 0 ? 0 : ~(wide_uint)0 >> (128 - width);
    wide_uint half = high / 2 + 1;
    return (struct range){is_signed(type) ? -(wide_int)high - 1 : 0, high, (int)width,
                          width == 0 ? 1 : 2 * (long double)half};
}

static bool is_negative(const struct value *value)
{
    return value->kind != VALUE_UINT && value->wide < 0;
}

static void write_bits(unsigned char *bytes, uint32_t bit, uint32_t bits, wide_uint number)
{
    size_t len = (bit + bits + 7) / 8;
    wide_uint mask = (~(wide_uint)0 >> (128 - bits)) << bit;
    wide_uint all = 0;
    memcpy(&all, bytes, len);
    all = (all & ~mask) | ((number << bit) & mask);
    memcpy(bytes, &all, len);
}

static enum conversion cut_integer(const struct value *value, struct range range, wide_uint *number)
{
    if (is_negative(value)) {
        bool fits = value->wide >= range.low;
        *number = (wide_uint)(fits ? value->wide : range.low);
        return fits ? CONVERSION_EXACT : CONVERSION_LOST;
    }
    bool fits = (wide_uint)value->wide <= range.high;
    *number = fits ? (wide_uint)value->wide : range.high;
    return fits ? CONVERSION_EXACT : CONVERSION_LOST;
}

static enum conversion cut_real(long double real, struct range range, wide_uint *number)
{
    if (isnan(real)) {
        *number = 0;
        return CONVERSION_LOST;
    }
    if (real >= range.beyond) {
        *number = range.high;
        return CONVERSION_LOST;
    }
    if (real < 0) {
        wide_int whole = real > (long double)range.low ? (wide_int)real : range.low;
        *number = (wide_uint)whole;
        return (long double)whole == real ? CONVERSION_EXACT : CONVERSION_LOST;
    }
    *number = (wide_uint)real;
    return (long double)*number == real ? CONVERSION_EXACT : CONVERSION_LOST;
}

static bool find_enumerator(const struct layout *layout, const struct layout_type *type,
                            const char *name, uint64_t *number)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_enumerator *one = &layout->enumerators[type->first + i];
        if (strcmp(layout_string(layout, one->name), name) == 0) {
            *number = one->value;
            return true;
        }
    }
    return false;
}

static enum conversion write_enum(const struct value *value, const struct layout *layout,
                                  const struct layout_type *type, uint32_t bits, wide_uint *number)
{
    uint64_t named;
    if (!find_enumerator(layout, type, value->name, &named)) {
        (void)cut_integer(value, range_of(type, bits), number);
        return CONVERSION_LOST;
    }
    struct value its = {.kind = is_signed(type) ? VALUE_INT : VALUE_UINT,
                        .wide = is_signed(type) ? (wide_int)(int64_t)named : (wide_int)named};
    return cut_integer(&its, range_of(type, bits), number);
}

/* ---- floats ---- */

static void store_float(unsigned char *bytes, uint64_t size, long double real)
{
    if (size == sizeof(float)) {
        float narrow = (float)real;
        memcpy(bytes, &narrow, sizeof narrow);
    } else if (size == sizeof(double)) {
        double middle = (double)real;
        memcpy(bytes, &middle, sizeof middle);
    } else {
        memset(bytes, 0, size);
        memcpy(bytes, &real, LONG_BYTES);
    }
}

static long double highest_of(uint64_t size)
{
    return size == sizeof(float)    ? (long double)FLT_MAX
           : size == sizeof(double) ? (long double)DBL_MAX
                                    : LDBL_MAX;
}

static enum conversion write_real(long double real, const struct layout_type *type,
                                  unsigned char *bytes)
{
    long double highest = highest_of(type->size);
    if (isfinite(real) && (real > highest || real < -highest)) {
        store_float(bytes, type->size, real > 0 ? highest : -highest);
        return CONVERSION_LOST;
    }
    store_float(bytes, type->size, real);
    long double stored = read_float(bytes, type->size);
    return isnan(real) || stored == real ? CONVERSION_EXACT
           : stored == 0                 ? CONVERSION_LOST
                                         : CONVERSION_ROUNDED;
}

/* Rounded once: by way of a long double it could be twice. */
static long double real_of(wide_uint magnitude, uint64_t size)
{
    if (size == sizeof(float)) {
        return magnitude >= (wide_uint)0xffffff8 << 100 ? (long double)FLT_MAX
                                                        : (long double)(float)magnitude;
    }
    return size == sizeof(double) ? (long double)(double)magnitude : (long double)magnitude;
}

static enum conversion write_number(const struct value *value, const struct layout_type *type,
                                    unsigned char *bytes)
{
    bool negative = is_negative(value);
    wide_uint magnitude = negative ? -(wide_uint)value->wide : (wide_uint)value->wide;
    long double real = real_of(magnitude, type->size);
    store_float(bytes, type->size, negative ? -real : real);
    return real < 0x1p128L && (wide_uint)real == magnitude ? CONVERSION_EXACT : CONVERSION_ROUNDED;
}

/* ---- all of them ---- */

static enum conversion write_bool(const struct value *value, wide_uint *number)
{
    bool real = value->kind == VALUE_FLOAT;
    *number = real ? value->real != 0 : value->wide != 0;
    bool same = real ? value->real == (long double)*number : (wide_uint)value->wide == *number;
    return same ? CONVERSION_EXACT : CONVERSION_LOST;
}

enum conversion convert_write(const struct value *value, const struct layout *layout,
                              const struct layout_type *type, unsigned char *bytes, uint32_t bit,
                              uint32_t bits)
{
    enum conversion how;
    wide_uint number = 0;
    switch (type->kind) {
    case LAYOUT_FLOAT:
        return value->kind == VALUE_FLOAT ? write_real(value->real, type, bytes)
                                          : write_number(value, type, bytes);
    case LAYOUT_BOOL:
        how = write_bool(value, &number);
        break;
    case LAYOUT_ENUM:
    case LAYOUT_CHAR:
    case LAYOUT_INT:
    case LAYOUT_UINT:
        if (type->kind == LAYOUT_ENUM && value->kind == VALUE_NAME && value->name != NULL) {
            how = write_enum(value, layout, type, bits, &number);
        } else if (value->kind == VALUE_FLOAT) {
            how = cut_real(value->real, range_of(type, bits), &number);
        } else {
            how = cut_integer(value, range_of(type, bits), &number);
        }
        break;
    default:
        return CONVERSION_NONE;
    }
    write_bits(bytes, bits != 0 ? bit : 0, width_of(type, bits), number);
    return how;
}

/* ---- text ---- */

/* The most bytes, up to `most`, after which no character is cut; for what is no UTF-8, `most`. */
static size_t cut_of(const char *text, size_t len, size_t most)
{
    for (size_t back = 1; back <= 3 && back <= most; back++) {
        size_t whole = utf8_len(text + most - back, text + len);
        if (whole > 0) {
            return whole > back ? most - back : most;
        }
    }
    return most;
}

enum conversion convert_text(const char *text, size_t len, bool ended, unsigned char *to,
                             size_t to_len)
{
    enum conversion how = CONVERSION_EXACT;
    if (len > to_len || (ended && len == to_len)) {
        size_t first = strnlen(text, len);
        if (first < len && first < to_len) {
            len = first;
        } else {
            bool room = to_len > 0 && (ended || first < len);
            len = cut_of(text, len, room ? to_len - 1 : to_len);
            how = CONVERSION_LOST;
        }
    }
    if (len > 0) {
        memcpy(to, text, len);
    }
    if (to_len > len) {
        memset(to + len, 0, to_len - len);
    }
    return how;
}

/* ---- what may become what ---- */

static bool is_scalar(const struct layout_type *type)
{
    return type->kind >= LAYOUT_BOOL && type->kind <= LAYOUT_ENUM;
}

/* How many bits of an integer a float keeps. */
static int mantissa_of(uint64_t size)
{
    return size == sizeof(float)    ? FLT_MANT_DIG
           : size == sizeof(double) ? DBL_MANT_DIG
                                    : LDBL_MANT_DIG;
}

static bool enum_keeps(const struct layout *from_layout, const struct layout_type *from,
                       const struct layout *to_layout, const struct layout_type *to,
                       struct range range)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const char *name =
            layout_string(from_layout, from_layout->enumerators[from->first + i].name);
        struct value value = {.kind = VALUE_NAME, .name = name};
        uint64_t number;
        wide_uint stored;
        if (!find_enumerator(to_layout, to, name, &number) ||
            write_enum(&value, to_layout, to, 0, &stored) != CONVERSION_EXACT) {
            return false;
        }
    }
    return range.low >= range_of(to, 0).low && range.high <= range_of(to, 0).high;
}

static bool keeps_all(const struct layout *from_layout, const struct layout_type *from,
                      const struct layout *to_layout, const struct layout_type *to)
{
    if (from->kind == LAYOUT_FLOAT) {
        return to->kind == LAYOUT_FLOAT && to->size >= from->size;
    }
    struct range range = from->kind == LAYOUT_BOOL ? (struct range){0, 1, 1, 2} : range_of(from, 0);
    if (to->kind == LAYOUT_BOOL) {
        return from->kind == LAYOUT_BOOL;
    }
    if (to->kind == LAYOUT_FLOAT) {
        return range.bits <= mantissa_of(to->size); /* the lowest one is a power of two */
    }
    if (from->kind == LAYOUT_ENUM && to->kind == LAYOUT_ENUM) {
        return enum_keeps(from_layout, from, to_layout, to, range);
    }
    return range.low >= range_of(to, 0).low && range.high <= range_of(to, 0).high;
}

bool convert_allows(const struct layout *from_layout, const struct layout_type *from,
                    const struct layout *to_layout, const struct layout_type *to, bool *lossless)
{
    *lossless = false;
    if (!is_scalar(from) || !is_scalar(to)) {
        return false;
    }
    *lossless = keeps_all(from_layout, from, to_layout, to);
    return true;
}
