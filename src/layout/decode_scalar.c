#include "layout/decode_parts.h"

#include "layout/float_text.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_uint;

#define EXACT_MOST ((wide_uint)1 << 53) /* encode.h writes larger integers as strings */

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

/* A number as JSON has it. Whole ones beyond 2^53 are those of floats, which have their own way to
 * be the nearest: what is rounded to the target's digits was not lost. */
static bool to_number(struct decoding *decoding, const struct layout_type *type, const char *at,
                      size_t len, struct value *value)
{
    bool into_float = type->kind == LAYOUT_FLOAT;
    bool whole = to_integer(at, len, value) && !(at[0] == '-' && value->wide == 0);
    wide_uint size = value->wide < 0 ? -(wide_uint)value->wide : (wide_uint)value->wide;
    if (whole && (!into_float || size <= EXACT_MOST)) {
        return true;
    }
    if (!into_float && to_unsigned(at, len, value)) {
        return true;
    }
    *value = (struct value){.kind = VALUE_FLOAT};
    if (!float_text_read(at, len, into_float ? (size_t)type->size : sizeof(long double),
                         &value->real)) {
        decode_no_memory(decoding);
        return false;
    }
    return true;
}

/* ---- from names ---- */

static int order_words(const void *left, const void *right)
{
    const struct decode_word *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

static bool list_words(struct decoding *decoding)
{
    const struct layout *layout = decoding->layout;
    uint32_t count = layout->head->enumerators;
    decoding->words = malloc((count + 1) * sizeof *decoding->words);
    if (decoding->words == NULL) {
        decode_no_memory(decoding);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        decoding->words[i] =
            (struct decode_word){layout_string(layout, layout->enumerators[i].name), i};
    }
    if (count > 1) {
        qsort(decoding->words, count, sizeof *decoding->words, order_words);
    }
    decoding->word_count = count;
    return true;
}

/* The first of the enumerators with that name that is `from` or a later one. */
static const struct decode_word *find_word(struct decoding *decoding, const char *name,
                                           uint32_t from)
{
    uint32_t low = 0, high;
    if (decoding->words == NULL && !list_words(decoding)) {
        return NULL;
    }
    struct decode_word wanted = {name, from};
    for (high = decoding->word_count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        bool before = order_words(&decoding->words[middle], &wanted) < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    bool found = low < decoding->word_count && strcmp(decoding->words[low].name, name) == 0;
    return found ? &decoding->words[low] : NULL;
}

/* An enum takes names of its own; other numbers what some enum of the layout calls so. */
static bool to_named(struct decoding *decoding, const struct layout_type *type, const char *name,
                     struct value *value)
{
    bool own = type->kind == LAYOUT_ENUM;
    const struct decode_word *word = find_word(decoding, name, own ? type->first : 0);
    if (word == NULL || (own && word->number - type->first >= type->count)) {
        return false;
    }
    uint64_t number = decoding->layout->enumerators[word->number].value;
    bool sign = !own || (type->flags & LAYOUT_SIGNED) != 0;
    *value = (struct value){.kind = sign ? VALUE_INT : VALUE_UINT,
                            .wide = sign ? (wide_int)(int64_t)number : (wide_int)number};
    return true;
}

static bool to_value_of_string(struct decoding *decoding, const struct layout_type *type,
                               const char *at, struct value *value)
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
    if (to_integer(string, text->len, value) || to_unsigned(string, text->len, value)) {
        return true;
    }
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        if (strcmp(string, reals[i].word) == 0) {
            *value = (struct value){.kind = VALUE_FLOAT, .real = reals[i].real};
            return true;
        }
    }
    if (strlen(string) == text->len && to_named(decoding, type, string, value)) {
        return true;
    }
    return false;
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

bool decode_is_named(struct decoding *decoding, uint32_t type, const char *at)
{
    struct value value;
    return decoding->layout->types[type].kind != LAYOUT_CHAR &&
           to_value_of_string(decoding, &decoding->layout->types[type], at, &value) &&
           (value.kind == VALUE_FLOAT || decoding->scratch.len >= WIDE_DIGITS ||
            decoding->scratch.data[decoding->scratch.len - 1] > '9');
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
                       const unsigned char *bytes, struct text *out)
{
    const struct layout_type *type = &decoding->layout->types[spot->type];
    struct value value = convert_read(decoding->layout, type, bytes, spot->bit, spot->bits);
    char digits[FLOAT_TEXT_MAX];
    if (value.kind == VALUE_FLOAT) {
        (void)text_append(out, digits, float_text(value.real, (size_t)type->size, digits));
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
    struct text stored = {0}, name = {0};
    int len = shown_len < 48 ? (int)shown_len : 48;
    if (how == CONVERSION_NONE) {
        decode_mismatch(decoding, spot->type, shown, trail, "another kind of value");
    } else if (decoding->given->strict) {
        (void)layout_type_name(decoding->layout, spot->type, &name);
        put_stored(decoding, spot, bytes, &stored);
        decode_refuse(decoding, trail,
                      "expected a value that %s%s can hold, found %.*s; the "
                      "nearest is %s",
                      text_string(&name), spot->bits != 0 ? " (a bit-field)" : "", len, shown,
                      text_string(&stored));
    } else if (decoding->findings->count[FINDING_LOST] < FINDINGS_TOLD) {
        put_stored(decoding, spot, bytes, &stored);
        decode_tell(decoding, FINDING_LOST, 0, trail, "%.*s became %s", len, shown,
                    text_string(&stored));
    } else {
        decode_tell(decoding, FINDING_LOST, 0, trail, "%s", "");
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
    if (*at == '"') {
        ok = to_value_of_string(decoding, type, at, &value) ||
             (!decoding->failed && !item && to_letter(decoding, type, &value));
    } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
        ok = to_number(decoding, type, at, len, &value);
    }
    if (ok && item && type->kind == LAYOUT_CHAR && type->size == 1 && value.kind == VALUE_INT) {
        bool sign = (type->flags & LAYOUT_SIGNED) != 0; /* a byte becomes text as it is */
        value.wide += sign && value.wide > 127 && value.wide < 256    ? -256
                      : !sign && value.wide < 0 && value.wide >= -128 ? 256
                                                                      : 0;
    }
    bool quoted = *at == '"' && (value.kind == VALUE_INT || value.kind == VALUE_UINT);
    if (ok) { /* told as a move tells it: JSON alone needs the quotes */
        decode_store(decoding, spot, bytes, &value, at + quoted, len - (quoted ? 2 : 0), trail);
    } else if (!decoding->failed) {
        decode_mismatch(decoding, spot->type, at, trail,
                        type->kind == LAYOUT_BOOL   ? "true or false"
                        : type->kind == LAYOUT_ENUM ? "the name of an enumerator"
                                                    : "a number");
    }
}
