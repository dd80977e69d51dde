/* Conversions of the usual scalars, some ns each, when they lose nothing. What convert.h does with
 * all others takes ten times as long. */
#ifndef LAYOUT_QUICK_H
#define LAYOUT_QUICK_H

#include "layout/layout.h"

#include <string.h>

enum quick {
    QUICK_NONE,
    QUICK_I8,
    QUICK_I16,
    QUICK_I32,
    QUICK_I64,
    QUICK_U8,
    QUICK_U16,
    QUICK_U32,
    QUICK_U64,
    QUICK_F32,
    QUICK_F64
};

/* QUICK_NONE: it has no quick conversion. */
static inline enum quick quick_kind(const struct layout_type *type)
{
    bool has_sign = type->kind == LAYOUT_INT || (type->flags & LAYOUT_SIGNED) != 0;
    if (type->kind == LAYOUT_FLOAT) {
        return type->size == 4 ? QUICK_F32 : type->size == 8 ? QUICK_F64 : QUICK_NONE;
    }
    if (type->kind == LAYOUT_BOOL || type->kind < LAYOUT_BOOL || type->kind > LAYOUT_ENUM) {
        return QUICK_NONE;
    }
    switch (type->size) {
    case 1:
        return has_sign ? QUICK_I8 : QUICK_U8;
    case 2:
        return has_sign ? QUICK_I16 : QUICK_U16;
    case 4:
        return has_sign ? QUICK_I32 : QUICK_U32;
    case 8:
        return has_sign ? QUICK_I64 : QUICK_U64;
    default:
        return QUICK_NONE;
    }
}

#define QUICK_TAKE(type_)                                                                          \
    {                                                                                              \
        type_ value_;                                                                              \
        memcpy(&value_, from, sizeof value_);                                                      \
        *whole = (int64_t)value_;                                                                  \
        break;                                                                                     \
    }

/* False: it is no integer that an int64_t has. */
static inline bool quick_take(enum quick kind, const unsigned char *from, int64_t *whole)
{
    double real = 0;
    float narrow;
    switch (kind) {
    case QUICK_I8:
        QUICK_TAKE(int8_t)
    case QUICK_I16:
        QUICK_TAKE(int16_t)
    case QUICK_I32:
        QUICK_TAKE(int32_t)
    case QUICK_I64:
        QUICK_TAKE(int64_t)
    case QUICK_U8:
        QUICK_TAKE(uint8_t)
    case QUICK_U16:
        QUICK_TAKE(uint16_t)
    case QUICK_U32:
        QUICK_TAKE(uint32_t)
    case QUICK_U64:
        memcpy(whole, from, sizeof *whole);
        return *whole >= 0;
    case QUICK_F32:
        memcpy(&narrow, from, sizeof narrow);
        real = (double)narrow;
        *whole = real > -0x1p62 && real < 0x1p62 ? (int64_t)real : 0;
        return (double)*whole == real;
    case QUICK_F64:
        memcpy(&real, from, sizeof real);
        *whole = real > -0x1p62 && real < 0x1p62 ? (int64_t)real : 0;
        return (double)*whole == real;
    default:
        return false;
    }
    return true;
}

#define QUICK_PUT(type_)                                                                           \
    {                                                                                              \
        type_ value_ = (type_)whole;                                                               \
        if ((int64_t)value_ != whole)                                                              \
            return false;                                                                          \
        memcpy(to, &value_, sizeof value_);                                                        \
        return true;                                                                               \
    }

/* False: it is another number there, and nothing was stored. */
static inline bool quick_put(enum quick kind, int64_t whole, unsigned char *to)
{
    switch (kind) {
    case QUICK_I8:
        QUICK_PUT(int8_t)
    case QUICK_I16:
        QUICK_PUT(int16_t)
    case QUICK_I32:
        QUICK_PUT(int32_t)
    case QUICK_I64:
        QUICK_PUT(int64_t)
    case QUICK_U8:
        QUICK_PUT(uint8_t)
    case QUICK_U16:
        QUICK_PUT(uint16_t)
    case QUICK_U32:
        QUICK_PUT(uint32_t)
    case QUICK_U64:
        if (whole < 0)
            return false;
        memcpy(to, &whole, sizeof whole);
        return true;
    case QUICK_F32: {
        float real = (float)whole;
        if (whole < -(1 << 24) || whole > 1 << 24)
            return false;
        memcpy(to, &real, sizeof real);
        return true;
    }
    case QUICK_F64: {
        double real = (double)whole;
        if (whole < -(INT64_C(1) << 53) || whole > INT64_C(1) << 53)
            return false;
        memcpy(to, &real, sizeof real);
        return true;
    }
    default:
        return false;
    }
}

enum quick_result {
    QUICK_CANNOT, /* convert.h has to do it */
    QUICK_EXACT,
    QUICK_ROUNDED /* stored, as convert.h does it, and it is another number */
};

/* Between floats; a NaN, and what is beyond the ends of a float, is left to convert.h. */
static inline enum quick_result quick_real(enum quick to_kind, const unsigned char *from,
                                           unsigned char *to)
{
    double real;
    float narrow;
    if (to_kind == QUICK_F64) {
        memcpy(&narrow, from, sizeof narrow);
        real = (double)narrow;
        memcpy(to, &real, sizeof real);
        return real == real ? QUICK_EXACT : QUICK_CANNOT;
    }
    memcpy(&real, from, sizeof real);
    if (!(real >= -0x1p127 && real <= 0x1p127)) {
        return QUICK_CANNOT;
    }
    narrow = (float)real;
    memcpy(to, &narrow, sizeof narrow);
    return (double)narrow == real ? QUICK_EXACT : narrow == 0 ? QUICK_CANNOT : QUICK_ROUNDED;
}

static inline enum quick_result quick_convert(enum quick from_kind, enum quick to_kind,
                                              const unsigned char *from, unsigned char *to)
{
    int64_t whole;
    if (from_kind >= QUICK_F32 && to_kind >= QUICK_F32) {
        return from_kind != to_kind ? quick_real(to_kind, from, to) : QUICK_CANNOT;
    }
    return quick_take(from_kind, from, &whole) && quick_put(to_kind, whole, to) ? QUICK_EXACT
                                                                                : QUICK_CANNOT;
}

#endif
