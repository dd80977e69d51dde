#include "codec/encode_parts.h"

#include "layout/convert.h"
#include "layout/float_text.h"

#include <float.h>
#include <stdlib.h>

#define EXACT_MOST (UINT64_C(1) << 53) /* what a reader with doubles reads exactly */

__extension__ typedef unsigned __int128 wide;

/* ---- numbers ---- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static void put_digits(struct sink *sink, bool negative, wide size)
{
    char digits[48];
    char *at = digits + sizeof digits;
    bool quoted = size > EXACT_MOST;
    if (quoted) {
        *--at = '"';
    }
    for (; size > UINT64_MAX; size /= 10) {
        *--at = (char)('0' + (int)(size % 10));
    }
    uint64_t left = (uint64_t)size;
    for (; left >= 100; left /= 100) {
        at -= 2;
        memcpy(at, pairs + left % 100 * 2, 2);
    }
    if (left >= 10) {
        at -= 2;
        memcpy(at, pairs + left * 2, 2);
    } else {
        *--at = (char)('0' + left);
    }
    if (negative) {
        *--at = '-';
    }
    if (quoted) {
        *--at = '"';
    }
    size_t len = (size_t)(digits + sizeof digits - at);
    memcpy(sink_room(sink), at, len);
    sink->at += len;
}

static void put_signed(struct sink *sink, int64_t value)
{
    put_digits(sink, value < 0, value < 0 ? -(wide)value : (wide)value);
}

static void put_enum(struct encoding *encoding, uint32_t type, uint64_t value)
{
    const struct roster_word *word = roster_word(encoding->roster, type, value);
    if (word != NULL) {
        sink_put(&encoding->sink, word->json, word->json_len);
        if (encoding->words != NULL) {
            encoding->words[word->enumerator] = 1;
        }
    } else if ((encoding->layout->types[type].flags & LAYOUT_SIGNED) != 0) {
        put_signed(&encoding->sink, (int64_t)value);
    } else {
        put_digits(&encoding->sink, false, value);
    }
}

/* Of a bit-field, or of an integer that is wider than 64 bits. */
static void put_read(struct encoding *encoding, const struct path_spot *spot,
                     const unsigned char *bytes)
{
    const struct layout_type *type = &encoding->layout->types[spot->type];
    struct layout_type plain = *type;
    if (type->kind == LAYOUT_ENUM) { /* its names are found faster here */
        plain.kind = (type->flags & LAYOUT_SIGNED) != 0 ? LAYOUT_INT : LAYOUT_UINT;
    }
    struct value value = convert_read(encoding->layout, &plain, bytes, spot->bit, spot->bits);
    if (type->kind == LAYOUT_BOOL) {
        sink_puts(&encoding->sink, value.wide != 0 ? "true" : "false");
    } else if (type->kind == LAYOUT_ENUM) {
        put_enum(encoding, spot->type, (uint64_t)value.wide);
    } else {
        bool negative = value.kind == VALUE_INT && value.wide < 0;
        put_digits(&encoding->sink, negative, negative ? -(wide)value.wide : (wide)value.wide);
    }
}

static uint64_t load(const unsigned char *bytes, uint64_t size)
{
    uint64_t value = 0;
    memcpy(&value, bytes, (size_t)size); /* the lowest byte is first */
    return value;
}

static void put_integer(struct encoding *encoding, uint32_t number, const unsigned char *bytes)
{
    const struct layout_type *type = &encoding->layout->types[number];
    if (type->size > 8) {
        put_read(encoding, &(struct path_spot){.type = number, .count = 1}, bytes);
        return;
    }
    uint64_t value = load(bytes, type->size);
    bool sign = type->kind == LAYOUT_INT || (type->flags & LAYOUT_SIGNED) != 0;
    if (sign) {
        unsigned shift = 64 - 8 * (unsigned)type->size;
        value = (uint64_t)((int64_t)(value << shift) >> shift);
    }
    if (type->kind == LAYOUT_ENUM) {
        put_enum(encoding, number, value);
    } else if (sign) {
        put_signed(&encoding->sink, (int64_t)value);
    } else {
        put_digits(&encoding->sink, false, value);
    }
}

static void put_bool(struct encoding *encoding, const unsigned char *bytes, uint64_t size)
{
    bool set = false;
    for (uint64_t i = 0; i < size; i++) {
        set |= bytes[i] != 0;
    }
    sink_puts(&encoding->sink, set ? "true" : "false");
}

/* The bytes can be any, and the processor's float has patterns that the C library does not know. */
static long double load_long(const unsigned char *bytes)
{
    long double value = 0;
    memcpy(&value, bytes, LDBL_MANT_DIG == 64 ? 10 : sizeof value);
#if LDBL_MANT_DIG == 64
    unsigned char parts[sizeof value] = {0};
    bool whole = (bytes[7] & 0x80) != 0;
    bool small = (bytes[9] & 0x7F) == 0 && bytes[8] == 0;
    if (whole && small) {
        memcpy(parts, bytes, 10);
        parts[8] = 1;
        memcpy(&value, parts, sizeof value);
    } else if (!whole && !small) {
        value = __builtin_nanl("");
    }
#endif
    return value;
}

static void put_float(struct encoding *encoding, const unsigned char *bytes, uint64_t size)
{
    char *out = sink_room(&encoding->sink);
    float single;
    double twice;
    if (size == sizeof single) {
        memcpy(&single, bytes, sizeof single);
        encoding->sink.at += float_text_single(single, out);
    } else if (size == sizeof twice) {
        memcpy(&twice, bytes, sizeof twice);
        encoding->sink.at += float_text_double(twice, out);
    } else {
        encoding->sink.at += float_text(load_long(bytes), sizeof(long double), out);
    }
}

/* ---- all of them ---- */

bool encode_members(struct encoding *encoding, uint32_t type, const unsigned char *bytes)
{
    const struct roster_list *list = roster_members(encoding->roster, type, encoding->err);
    if (list == NULL) {
        encoding->failed = true;
        return false;
    }
    for (uint32_t i = 0; i < list->count && !encode_is_stopped(encoding); i++) {
        const struct roster_member *member = &list->members[i];
        sink_put(&encoding->sink, member->json + (i == 0), member->json_len - (i == 0));
        encode_value(encoding, &(struct path_spot){member->type, 0, 1, member->bit, member->bits},
                     bytes + member->offset);
    }
    return list->count > 0;
}

void encode_value(struct encoding *encoding, const struct path_spot *spot,
                  const unsigned char *bytes)
{
    const struct layout_type *type = &encoding->layout->types[spot->type];
    if (spot->count != 1) {
        encode_array(encoding, spot->type, spot->count, bytes);
        return;
    }
    if (spot->bits != 0) {
        put_read(encoding, spot, bytes);
        return;
    }
    switch (type->kind) {
    case LAYOUT_BOOL:
        put_bool(encoding, bytes, type->size);
        break;
    case LAYOUT_CHAR:
    case LAYOUT_INT:
    case LAYOUT_UINT:
    case LAYOUT_ENUM:
        put_integer(encoding, spot->type, bytes);
        break;
    case LAYOUT_FLOAT:
        put_float(encoding, bytes, type->size);
        break;
    case LAYOUT_POINTER:
        encode_pointer(encoding, spot->type, load(bytes, sizeof(void *)));
        break;
    case LAYOUT_ARRAY:
        encode_array(encoding, type->target, type->elements, bytes);
        break;
    case LAYOUT_STRUCT:
        sink_char(&encoding->sink, '{');
        (void)encode_members(encoding, spot->type, bytes);
        sink_char(&encoding->sink, '}');
        break;
    case LAYOUT_UNION:
        encode_union(encoding, spot->type, bytes);
        break;
    default: /* opaque bytes */
        encode_bytes(encoding, bytes, type->size);
    }
}
