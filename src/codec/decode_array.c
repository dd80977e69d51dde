#include "codec/decode_parts.h"

#include "base/base64.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- bytes and strings ---- */

static void store_text(struct decoding *decoding, const struct text *text, bool ended,
                       uint64_t room, unsigned char *bytes, const struct trail *trail)
{
    enum conversion how = convert_text(text_string(text), text->len, ended, bytes, (size_t)room);
    if (how == CONVERSION_EXACT) {
        return;
    }
    if (decoding->given->strict) {
        decode_refuse(decoding, trail, "expected a string of at most %llu bytes, found one of %zu",
                      (unsigned long long)room, text->len);
    } else {
        decode_tell(decoding, FINDING_LOST, 0, trail, "cut from %zu to %zu bytes", text->len,
                    strnlen((const char *)bytes, (size_t)room));
    }
}

enum bytes_kind { /* what an array of bytes was */
    BYTES_UNSIGNED,
    BYTES_SIGNED,
    BYTES_TEXT /* of `char` */
};

static bool is_rest_zero(const struct text *text, uint64_t from)
{
    for (size_t i = (size_t)from; i < text->len; i++) {
        if (text->data[i] != '\0') {
            return false;
        }
    }
    return true;
}

static void tell_cut(struct decoding *decoding, uint64_t found, uint64_t count,
                     const struct trail *trail)
{
    decode_tell(decoding, FINDING_LOST, 0, trail, "cut from %llu to %llu elements",
                (unsigned long long)found, (unsigned long long)count);
}

/* Bytes that become text, or were text, stay the bytes that they are; others are numbers. */
static void store_each(struct decoding *decoding, const struct text *text, enum bytes_kind kind,
                       uint32_t element, uint64_t count, unsigned char *bytes,
                       const struct trail *trail)
{
    const struct layout_type *type = &decoding->layout->types[element];
    bool byte_sized = type->size == 1 && (type->kind == LAYOUT_INT || type->kind == LAYOUT_UINT);
    bool raw = (type->kind == LAYOUT_CHAR && type->size == 1) ||
               (byte_sized &&
                (kind == BYTES_TEXT || (kind == BYTES_SIGNED) == (type->kind == LAYOUT_INT)));
    bool sign = kind == BYTES_SIGNED || (kind == BYTES_TEXT && CHAR_MIN < 0);
    uint64_t both = text->len < count ? text->len : count;
    if (raw && both > 0) {
        memcpy(bytes, text->data, (size_t)both);
    }
    for (uint64_t i = 0; i < both && !raw && !decoding->failed; i++) {
        unsigned char byte = (unsigned char)text->data[i];
        struct value value = {.kind = sign ? VALUE_INT : VALUE_UINT,
                              .wide = sign ? (signed char)byte : byte};
        char shown[8];
        size_t len = (size_t)snprintf(shown, sizeof shown, "%d", (int)value.wide);
        decode_store(decoding, &(struct path_spot){element, 0, 1, 0, 0}, bytes + i * type->size,
                     &value, shown, len, &(struct trail){.up = trail, .index = i});
    }
    if (text->len > count && !is_rest_zero(text, count)) {
        tell_cut(decoding, text->len, count, trail);
    }
}

/* Whether a '\0' ended the text where it was. Where that is not known, a text that just fills the
 * array did the same there. */
static bool had_end(struct decoding *decoding, size_t len, uint64_t count,
                    const struct trail *trail)
{
    uint64_t was = len < count || decoding->given->strict ? 0 : decode_chars_at(decoding, trail);
    return was != 0 ? len < was : len > count;
}

/* Zeros at a text's end are left out of it: as many as there were are elements, too. */
static void zero_rest(struct decoding *decoding, size_t len, uint64_t count, uint64_t size,
                      unsigned char *bytes, const struct trail *trail)
{
    uint64_t was = decode_is_typed(decoding) ? decode_chars_at(decoding, trail) : count;
    uint64_t end = was != 0 && was < count ? was : count;
    if (len < end) {
        memset(bytes + len * size, 0, (size_t)((end - len) * size));
    }
}

/* `whole`: the array is of `char` itself. */
static void decode_chars(struct decoding *decoding, uint32_t element, uint64_t count, bool whole,
                         unsigned char *bytes, const char *at, const struct trail *trail)
{
    const struct layout_type *type = &decoding->layout->types[element];
    struct text *text = &decoding->scratch;
    if (!decode_string(decoding, at, text)) {
        return;
    }
    if (type->kind == LAYOUT_CHAR && type->size == 1 && (whole || !decode_is_typed(decoding))) {
        store_text(decoding, text, had_end(decoding, text->len, count, trail), count, bytes, trail);
        return;
    }
    if (!decode_is_scalar(type->kind)) {
        decode_mismatch(decoding, element, at, trail, "an array");
        return;
    }
    struct text own = *text; /* what is stored is told by way of the scratch */
    decoding->scratch = (struct text){0};
    if (decoding->given->strict && own.len > count) {
        decode_refuse(decoding, trail, "expected at most %llu bytes, found %zu",
                      (unsigned long long)count, own.len);
    } else {
        store_each(decoding, &own, BYTES_TEXT, element, count, bytes, trail);
        zero_rest(decoding, own.len, count, type->size, bytes, trail);
    }
    text_finish(&own);
}

bool decode_bytes(struct decoding *decoding, const char *at, struct text *out)
{
    const char *value = decode_member(decoding, at, "$bytes");
    if (value == NULL || *value != '"') {
        return false;
    }
    size_t len = (size_t)(value_end(value, decoding->end) - value) - 2;
    bool ok = base64_decode(out, value + 1, len);
    if (out->failed) {
        decode_no_memory(decoding);
    }
    return ok;
}

static void decode_byte_array(struct decoding *decoding, uint32_t element, uint64_t count,
                              unsigned char *bytes, const char *at, const struct trail *trail)
{
    const struct layout_type *type = &decoding->layout->types[element];
    struct text text = {0};
    const char *sign = decode_member(decoding, at, "signed");
    const char *was_text = decode_member(decoding, at, "text");
    enum bytes_kind kind = sign != NULL && *sign == 't'           ? BYTES_SIGNED
                           : was_text != NULL && *was_text == 't' ? BYTES_TEXT
                                                                  : BYTES_UNSIGNED;
    if (!decode_bytes(decoding, at, &text) || !decode_is_scalar(type->kind)) {
        if (!decoding->failed) {
            decode_mismatch(decoding, element, at, trail, "an array");
        }
    } else if (decoding->given->strict && text.len != count) {
        decode_refuse(decoding, trail, "expected %llu bytes, found %zu", (unsigned long long)count,
                      text.len);
    } else if (kind == BYTES_TEXT && type->kind == LAYOUT_CHAR && type->size == 1) {
        size_t used = text.len;
        while (used > 0 && text.data[used - 1] == '\0') {
            used--;
        }
        bool ended = used < text.len;
        text.len = used;
        store_text(decoding, &text, ended, count, bytes, trail);
    } else {
        store_each(decoding, &text, kind, element, count, bytes, trail);
    }
    text_finish(&text);
}

/* ---- arrays ---- */

/* Whether a value is what zeros are written as, so that nothing is lost without it. */
static bool is_zero_text(const char *at, const char *end)
{
    for (const char *stop = value_end(at, end); at < stop; at++) {
        if (*at == '"') { /* names of members count for nothing, and so do "" and zeros in base64 */
            const char *behind = value_end(at, end);
            const char *next = value_start(behind, end);
            bool key = next < end && *next == ':';
            for (const char *c = at + 1; !key && c < behind - 1; c++) {
                if (*c != 'A' && *c != '=') {
                    return false;
                }
            }
            at = behind - 1;
        } else if ((*at >= '1' && *at <= '9') || *at == 't') {
            return false;
        }
    }
    return true;
}

static const char *decode_items(struct decoding *decoding, uint32_t element, uint64_t count,
                                unsigned char *bytes, const char *at, const struct trail *trail)
{
    const struct path_spot spot = {element, 0, 1, 0, 0};
    uint64_t size = decoding->layout->types[element].size, i = 0;
    struct members members;
    const char *behind = NULL;
    bool cut = false;
    members_open(&members, at, decoding->end);
    for (; members_next(&members, behind) && !decoding->failed; i++) {
        struct trail to = {.up = trail, .index = i};
        if (i < count && size > 0) {
            behind = decode_value(decoding, &spot, bytes + i * size, members.value, &to);
        } else {
            behind = value_end(members.value, decoding->end);
            cut |= !is_zero_text(members.value, decoding->end);
        }
    }
    if (!decoding->failed && decoding->given->strict && i != count && size > 0) {
        decode_refuse(decoding, trail, "expected an array of %llu items, found %llu",
                      (unsigned long long)count, (unsigned long long)i);
    } else if (cut && !decoding->failed) {
        tell_cut(decoding, i, count, trail);
    }
    return decoding->failed ? decoding->end : members_behind(&members);
}

/* The scalar that elements are, arrays of one in arrays of one counted as such; LAYOUT_NONE: none.
 */
static uint32_t scalar_of(const struct decoding *decoding, uint32_t element)
{
    const struct layout_type *types = decoding->layout->types;
    while (types[element].kind == LAYOUT_ARRAY && types[element].elements == 1) {
        element = types[element].target;
    }
    return decode_is_scalar(types[element].kind) ? element : LAYOUT_NONE;
}

/* Digits of an integer that is too large for a number of JSON. */
static bool is_integer(const char *at, const char *end)
{
    const char *behind = value_end(at, end) - 1;
    at += at[1] == '-' ? 2 : 1;
    size_t digits = strspn(at, "0123456789");
    return digits > 0 && at + digits == behind;
}

/* Whether the string at `at` is an array of `char`. Where a place is not told of, hotrun itself
 * writes no string but an integer: somebody has added it by hand. */
static bool is_text(struct decoding *decoding, uint32_t element, const char *at,
                    const struct trail *trail)
{
    if (*at == '"' && decode_is_typed(decoding)) {
        return decode_was(decoding, trail, "char[") ||
               (decode_type_at(decoding, trail) == NULL && !is_integer(at, decoding->end));
    }
    const struct layout_type *types = decoding->layout->types;
    while (types[element].kind == LAYOUT_ARRAY) {
        element = types[element].target;
    }
    return *at == '"' && !decode_is_named(decoding, element, at, trail);
}

const char *decode_array(struct decoding *decoding, const struct path_spot *spot, uint32_t element,
                         uint64_t count, unsigned char *bytes, const char *at,
                         const struct trail *trail)
{
    uint32_t kind = decoding->layout->types[element].kind;
    uint32_t scalar = scalar_of(decoding, element);
    if (*at == '[') {
        return decode_items(decoding, element, count, bytes, at, trail);
    }
    if (decode_is_bytes(decoding, at) && kind != LAYOUT_UNION && kind != LAYOUT_BYTES &&
        !(decode_is_typed(decoding) && decode_was_union(decoding, trail))) {
        decode_byte_array(decoding, element, count, bytes, at, trail);
    } else if (is_text(decoding, element, at, trail) && scalar != LAYOUT_NONE) {
        decode_chars(decoding, scalar, count, scalar == element, bytes, at, trail);
    } else if (count == 1 && !is_text(decoding, element, at, trail) &&
               !(decode_is_typed(decoding) &&
                 decode_was(decoding, trail, "bits"))) { /* one stands for an array of one */
        return decode_value(decoding, &(struct path_spot){element, 0, 1, 0, 0}, bytes, at,
                            &(struct trail){.up = trail, .added = true});
    } else {
        decode_mismatch(decoding, spot->type, at, trail, "an array");
    }
    return value_end(at, decoding->end);
}
