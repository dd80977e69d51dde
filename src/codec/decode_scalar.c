#include "codec/decode_parts.h"

#include "layout/float_text.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_uint;

#define EXACT_MOST ((wide_uint)1 << 53) /* encode.h writes larger integers as strings */

#define SINGLE_MOST ((wide_uint)1 << 24) /* whole numbers that each float has */

#define WIDE_DIGITS 16 /* that they have at least */

/* ---- from text ---- */

/* Digits, at most one '-' before them; what 128 bits with a sign hold. */
static bool to_integer(const char *at, size_t len, struct value *value)
{
    const char *end = at + len;
    bool negative = len > 0 && *at == '-';
    wide_uint size = 0;
    at += negative;
    if (at == end) {
        return false;
    }
    for (; at < end; at++) {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(size, (wide_uint)10, &size) ||
            __builtin_add_overflow(size, (unsigned)(*at - '0'), &size)) {
            return false;
        }
    }
    if (size > (~(wide_uint)0 >> 1) + negative) {
        return false;
    }
    *value = (struct value){.kind = VALUE_INT, .wide = (wide_int)(negative ? -size : size)};
    return true;
}

/* Of unsigned ones that take all 128 bits. */
static bool to_unsigned(const char *at, size_t len, struct value *value)
{
    wide_uint size = 0;
    if (len == 0 || len > 39) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9' || __builtin_mul_overflow(size, (wide_uint)10, &size) ||
            __builtin_add_overflow(size, (unsigned)(at[i] - '0'), &size)) {
            return false;
        }
    }
    *value = (struct value){.kind = VALUE_UINT, .wide = (wide_int)size};
    return true;
}

/* A number as JSON has it. The digits of a float are those of the float that it was, where that is
 * known. Else whole ones beyond 2^53 are those of floats, which have their own way to be the
 * nearest: what is rounded to the target's digits was not lost. */
static bool to_number(struct decoding *decoding, const struct layout_type *type, const char *at,
                      size_t len, struct value *value, const struct trail *trail)
{
    bool into_float = type->kind == LAYOUT_FLOAT;
    bool whole = to_integer(at, len, value) && !(at[0] == '-' && value->wide == 0);
    wide_uint size = value->wide < 0 ? -(wide_uint)value->wide : (wide_uint)value->wide;
    if (whole && size <= SINGLE_MOST) {
        return true;
    }
    uint32_t was = decode_float_at(decoding, trail);
    if (was == 0 && whole && (!into_float || size <= EXACT_MOST)) {
        return true;
    }
    if (was == 0 && !into_float && to_unsigned(at, len, value)) {
        return true;
    }
    *value = (struct value){.kind = VALUE_FLOAT};
    if (!float_text_read(at, len,
                         was != 0     ? was
                         : into_float ? (size_t)type->size
                                      : sizeof(long double),
                         &value->real)) {
        decode_no_memory(decoding);
        return false;
    }
    return true;
}

/* ---- from strings ---- */

static bool to_value_of_string(struct decoding *decoding, const struct layout_type *type,
                               const char *at, const struct trail *trail, struct value *value)
{
    static const struct {
        const char *word;
        long double real;
    } reals[] = {{"NaN", __builtin_nanl("")},
                 {"Infinity", __builtin_infl()},
                 {"-Infinity", -__builtin_infl()}};
    struct text *text = &decoding->scratch;
    if (!decode_string(decoding, at, text)) {
        return false;
    }
    const char *string = text_string(text);
    if (type->kind == LAYOUT_ENUM && decode_word(decoding, type, text, trail, value)) {
        return true; /* whatever it is called */
    }
    if (to_integer(string, text->len, value) || to_unsigned(string, text->len, value)) {
        return true;
    }
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        if (strcmp(string, reals[i].word) == 0) {
            *value = (struct value){.kind = VALUE_FLOAT, .real = reals[i].real};
            return true;
        }
    }
    return type->kind != LAYOUT_ENUM && decode_word(decoding, type, text, trail, value);
}

/* What was read last as an array of one `char`. */
static bool to_letter(struct decoding *decoding, const struct layout_type *type,
                      struct value *value)
{
    const struct text *text = &decoding->scratch;
    if (type->kind != LAYOUT_CHAR || text->len > 1) {
        return false;
    }
    *value =
        (struct value){.kind = VALUE_INT,
                       .wide = text->len == 0                       ? 0
                               : (type->flags & LAYOUT_SIGNED) != 0 ? (signed char)*text->data
                                                                    : (unsigned char)*text->data};
    return true;
}

/* What was an array of `char`, as "$types" tells: one of them is a value. */
static bool from_text(struct decoding *decoding, const struct path_spot *spot, const char *at,
                      const struct trail *trail, struct value *value)
{
    struct text text = {0};
    bool ok = spot->bits == 0 && decode_chars_at(decoding, trail) == 1 &&
              (decode_string(decoding, at, &text) || decode_bytes(decoding, at, &text)) &&
              text.len <= 1;
    if (ok) {
        unsigned char byte = text.len == 0 ? 0 : (unsigned char)*text.data;
        *value = (struct value){.kind = CHAR_MIN < 0 ? VALUE_INT : VALUE_UINT,
                                .wide = CHAR_MIN < 0 ? (signed char)byte : byte};
    }
    text_finish(&text);
    return ok;
}

/* A byte that becomes text stays as it is. */
static void keep_byte(struct decoding *decoding, const struct layout_type *type,
                      const struct trail *trail, struct value *value)
{
    bool item = trail->up != NULL && trail->name == NULL && !trail->only;
    bool sign = (type->flags & LAYOUT_SIGNED) != 0;
    if (!item || type->kind != LAYOUT_CHAR || type->size != 1 || value->kind != VALUE_INT ||
        (decode_is_typed(decoding) && !decode_was(decoding, trail->up, "uint8[") &&
         !decode_was(decoding, trail->up, "int8["))) {
        return;
    }
    value->wide += sign && value->wide > 127 && value->wide < 256    ? -256
                   : !sign && value->wide < 0 && value->wide >= -128 ? 256
                                                                     : 0;
}

bool decode_is_named(struct decoding *decoding, uint32_t type, const char *at,
                     const struct trail *trail)
{
    struct value value;
    return decoding->layout->types[type].kind != LAYOUT_CHAR &&
           to_value_of_string(decoding, &decoding->layout->types[type], at, trail, &value) &&
           (value.kind == VALUE_FLOAT || decoding->scratch.len >= WIDE_DIGITS ||
            (unsigned char)decoding->scratch.data[0] > '9');
}

/* ---- storing ---- */

static void put_wide(struct text *out, wide_int value, bool is_unsigned)
{
    char digits[48];
    char *at = digits + sizeof digits;
    bool negative = !is_unsigned && value < 0;
    wide_uint size = negative ? -(wide_uint)value : (wide_uint)value;
    *--at = '\0';
    do {
        *--at = (char)('0' + (int)(size % 10));
        size /= 10;
    } while (size > 0);
    (void)text_printf(out, "%s%s", negative ? "-" : "", at);
}

static void put_stored(struct decoding *decoding, const struct path_spot *spot,
                       const unsigned char *bytes, bool rounded, struct text *out)
{
    const struct layout_type *type = &decoding->layout->types[spot->type];
    struct value value = convert_read(decoding->layout, type, bytes, spot->bit, spot->bits);
    char digits[FLOAT_TEXT_MAX];
    if (value.kind == VALUE_FLOAT) { /* rounded: with digits enough to differ from what it was */
        size_t size = rounded && type->size < sizeof(double) ? sizeof(double) : (size_t)type->size;
        (void)text_append(out, digits, float_text(value.real, size, digits));
    } else if (value.kind == VALUE_BOOL) {
        (void)text_puts(out, value.wide != 0 ? "true" : "false");
    } else if (value.kind == VALUE_NAME && value.name != NULL) {
        (void)text_puts(out, value.name);
    } else {
        put_wide(out, value.wide, value.kind == VALUE_UINT);
    }
}

void decode_store(struct decoding *decoding, const struct path_spot *spot, unsigned char *bytes,
                  const struct value *value, const char *shown, size_t shown_len,
                  const struct trail *trail)
{
    const struct layout_type *type = &decoding->layout->types[spot->type];
    enum conversion how =
        convert_write(value, decoding->layout, type, bytes, spot->bit, spot->bits);
    if (how == CONVERSION_EXACT || decoding->failed) {
        return;
    }
    bool rounded = how == CONVERSION_ROUNDED;
    enum finding kind = rounded ? FINDING_ROUNDED : FINDING_LOST;
    struct text stored = {0}, name = {0};
    int len = shown_len < 48 ? (int)shown_len : 48;
    if (how == CONVERSION_NONE) {
        decode_mismatch(decoding, spot->type, shown, trail, "another kind of value");
    } else if (decoding->given->strict) {
        (void)layout_type_name(decoding->layout, spot->type, &name);
        put_stored(decoding, spot, bytes, false, &stored);
        decode_refuse(decoding, trail,
                      "expected a value that %s%s can hold, found %.*s; the "
                      "nearest is %s",
                      text_string(&name), spot->bits != 0 ? " (a bit-field)" : "", len, shown,
                      text_string(&stored));
    } else if (decoding->findings->count[kind] < FINDINGS_TOLD) {
        put_stored(decoding, spot, bytes, rounded, &stored);
        decode_tell(decoding, kind, 0, trail, rounded ? "%.*s was rounded to %s" : "%.*s became %s",
                    len, shown, text_string(&stored));
    } else {
        decode_tell(decoding, kind, 0, trail, "%s", "");
    }
    text_finish(&stored);
    text_finish(&name);
}

void decode_scalar(struct decoding *decoding, const struct path_spot *spot, unsigned char *bytes,
                   const char *at, const struct trail *trail)
{
    const struct layout_type *type = &decoding->layout->types[spot->type];
    struct value value = {.kind = VALUE_BOOL, .wide = *at == 't'};
    size_t len = (size_t)(value_end(at, decoding->end) - at);
    bool ok = *at == 't' || *at == 'f';
    bool item = trail->up != NULL && trail->name == NULL;
    bool typed = (*at == '"' || *at == '{') && decode_is_typed(decoding);
    if (typed && decode_was(decoding, trail, "char[")) {
        ok = from_text(decoding, spot, at, trail, &value);
    } else if (*at == '"') {
        ok = to_value_of_string(decoding, type, at, trail, &value) ||
             (!decoding->failed && !item && to_letter(decoding, type, &value));
    } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
        ok = to_number(decoding, type, at, len, &value, trail);
    }
    keep_byte(decoding, type, trail, &value);
    bool quoted = *at == '"' && value.kind != VALUE_FLOAT;
    if (ok) { /* told as a move tells it: JSON alone needs the quotes */
        decode_store(decoding, spot, bytes, &value, at + quoted, len - (quoted ? 2 : 0), trail);
    } else if (!decoding->failed) {
        decode_mismatch(decoding, spot->type, at, trail,
                        type->kind == LAYOUT_BOOL   ? "true or false"
                        : type->kind == LAYOUT_ENUM ? "the name of an enumerator"
                                                    : "a number");
    }
}
