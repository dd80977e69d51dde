#include "layout/encode_parts.h"

#include "base/base64.h"
#include "layout/convert.h"
#include "layout/float_text.h"
#include "state/json.h"
#include "state/utf8.h"
#include "state/word.h"

#include <float.h>
#include <stdlib.h>

#define EXACT_MOST   (UINT64_C(1) << 53) /* what a reader with doubles reads exactly */
#define BYTES_FROM   64                  /* elements */
#define PIECE        ((size_t)144)       /* bytes of base64 at a time */
#define STRING_PIECE ((size_t)2048)
#define RUN_LEAST    4

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

/* ---- bytes and strings ---- */

static bool is_zero(const unsigned char *bytes, uint64_t len)
{
    uint64_t word = 0;
    for (; len >= 32; bytes += 32, len -= 32) {
        uint64_t four[4];
        memcpy(four, bytes, sizeof four);
        if ((four[0] | four[1] | four[2] | four[3]) != 0) {
            return false;
        }
    }
    for (; len >= 8; bytes += 8, len -= 8) {
        memcpy(&word, bytes, sizeof word);
        if (word != 0) {
            return false;
        }
    }
    for (; len > 0; bytes++, len--) {
        if (*bytes != 0) {
            return false;
        }
    }
    return true;
}

static void put_base64(struct encoding *encoding, const unsigned char *bytes, uint64_t len)
{
    struct sink *sink = &encoding->sink;
    sink_puts(sink, "{\"$bytes\":\"");
    while (len > 0 && !sink->failed) {
        size_t now = len < PIECE ? (size_t)len : PIECE;
        sink->at += base64_write(sink_room(sink), bytes, now);
        bytes += now;
        len -= now;
    }
}

void encode_bytes(struct encoding *encoding, const unsigned char *bytes, uint64_t len)
{
    put_base64(encoding, bytes, len);
    sink_puts(&encoding->sink, "\"}");
}

/* Where the first bytes[0..len) that are no UTF-8 begin; len: all are. */
static uint64_t utf8_prefix(const char *bytes, uint64_t len)
{
    const char *at = bytes, *end = bytes + len;
    while (at < end) {
        uint64_t word;
        if (end - at >= 8) {
            memcpy(&word, at, sizeof word);
            if ((word & WORD_HIGH) == 0) {
                at += 8;
                continue;
            }
        }
        size_t bytes_of = utf8_len(at, end);
        if (bytes_of == 0) {
            break;
        }
        at += bytes_of;
    }
    return (uint64_t)(at - bytes);
}

static size_t plain_prefix(const char *bytes, size_t len)
{
    size_t plain = (size_t)(word_skip_plain(bytes, bytes + len) - bytes);
    plain = plain < len ? plain : len;
    const char *del = memchr(bytes, 0x7F, plain);
    return del != NULL ? (size_t)(del - bytes) : plain;
}

void encode_string(struct encoding *encoding, const char *bytes, uint64_t len)
{
    struct sink *sink = &encoding->sink;
    sink_char(sink, '"');
    while (len > 0 && !sink->failed) {
        size_t now = len < STRING_PIECE ? (size_t)len : STRING_PIECE;
        size_t plain = plain_prefix(bytes, now);
        if (plain == 0) {
            for (size_t back = 0; now < len && back < 3 && now > 4;
                 back++) { /* between characters */
                if (((unsigned char)bytes[now] & 0xC0) != 0x80) {
                    break;
                }
                now--;
            }
            text_clear(&encoding->scratch);
            if (!json_quote_bytes(&encoding->scratch, bytes, now)) {
                encoding->failed = true;
                (void)error_set(encoding->err, ERROR_SYSTEM, "no memory for a string");
                return;
            }
            sink_put(sink, encoding->scratch.data + 1, encoding->scratch.len - 2);
            plain = now;
        } else {
            sink_put(sink, bytes, plain);
        }
        bytes += plain;
        len -= plain;
    }
    sink_char(sink, '"');
}

static void put_chars(struct encoding *encoding, const unsigned char *bytes, uint64_t len)
{
    uint64_t used = len;
    while (used >= 4096 && is_zero(bytes + used - 4096, 4096)) {
        used -= 4096;
    }
    while (used > 0 && bytes[used - 1] == 0) {
        used--;
    }
    if (utf8_prefix((const char *)bytes, used) == used) {
        encode_string(encoding, (const char *)bytes, used);
    } else {
        put_base64(encoding, bytes, len);
        sink_puts(&encoding->sink, "\",\"text\":true}");
    }
}

/* ---- arrays ---- */

static bool is_stopped(const struct encoding *encoding)
{
    return encoding->failed || encoding->sink.failed;
}

/* `count` elements, all zero, which all have the same text. */
static void put_run(struct encoding *encoding, const struct path_spot *spot, uint64_t count,
                    const unsigned char *bytes)
{
    struct sink *sink = &encoding->sink;
    if ((size_t)(sink->end - sink->at) < SINK_SIZE / 2) {
        sink_flush(sink);
    }
    const char *text = sink->at;
    uint64_t sent = sink->sent;
    sink_char(sink, ',');
    encode_value(encoding, spot, bytes);
    size_t len = (size_t)(sink->at - text);
    if (sent == sink->sent && len <= 2048 && !is_stopped(encoding)) {
        char kept[2048];
        memcpy(kept, text, len);
        sink_repeat(sink, kept, len, count - 1);
        return;
    }
    for (uint64_t i = 1; i < count && !is_stopped(encoding); i++) {
        sink_char(sink, ',');
        encode_value(encoding, spot, bytes);
    }
}

void encode_array(struct encoding *encoding, uint32_t element, uint64_t count,
                  const unsigned char *bytes)
{
    const struct layout_type *type = &encoding->layout->types[element];
    const struct path_spot spot = {element, 0, 1, 0, 0};
    struct sink *sink = &encoding->sink;
    uint64_t size = type->size;
    if (type->kind == LAYOUT_CHAR && size == 1) {
        put_chars(encoding, bytes, count);
        return;
    }
    if ((type->kind == LAYOUT_UINT || type->kind == LAYOUT_INT) && size == 1 &&
        count >= BYTES_FROM) {
        put_base64(encoding, bytes, count);
        sink_puts(sink, type->kind == LAYOUT_INT ? "\",\"signed\":true}" : "\"}");
        return;
    }
    sink_char(sink, '[');
    count = size == 0 ? 0 : count;
    for (uint64_t i = 0; i < count && !is_stopped(encoding);) {
        uint64_t run = 0;
        while (i > 0 && i + run < count && is_zero(bytes + (i + run) * size, size)) {
            run++;
        }
        if (run >= RUN_LEAST) {
            put_run(encoding, &spot, run, bytes + i * size);
            i += run;
            continue;
        }
        for (uint64_t last = i + run + (i + run < count); i < last; i++) {
            if (i > 0) {
                sink_char(sink, ',');
            }
            encode_value(encoding, &spot, bytes + i * size);
        }
    }
    sink_char(sink, ']');
}

/* ---- all of them ---- */

bool encode_members(struct encoding *encoding, uint32_t type, const unsigned char *bytes)
{
    const struct roster_list *list = roster_members(encoding->roster, type, encoding->err);
    if (list == NULL) {
        encoding->failed = true;
        return false;
    }
    for (uint32_t i = 0; i < list->count && !is_stopped(encoding); i++) {
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
    default: /* opaque bytes, a union */
        encode_bytes(encoding, bytes, type->size);
    }
}
