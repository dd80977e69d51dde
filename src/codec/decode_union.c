#include "codec/decode_parts.h"

#include "base/sorted.h"
#include "layout/within.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word_lead { /* of a word in a union */
    uint64_t offset;
    const char *at; /* what it leads to */
};

struct whole { /* a union, or what is opaque */
    struct decoding *decoding;
    const struct path_spot *spot;
    const struct layout_type *type;
    unsigned char *bytes;
    const struct trail *trail;
    struct word_lead *leads; /* what the text says of pointers in it, by their offsets */
    size_t lead_count;
};

/* As moves tell it. */
static void tell_other(struct whole *whole)
{
    struct text name = {0};
    (void)layout_type_name(whole->decoding->layout, whole->spot->type, &name);
    const char *others = whole->type->kind == LAYOUT_UNION ? " with other members" : "";
    decode_tell(whole->decoding, FINDING_ADDED, 0, whole->trail, "%s%s", text_string(&name),
                others);
    decode_tell(whole->decoding, FINDING_DROPPED, 0, whole->trail, "%s", text_string(&name));
    text_finish(&name);
}

/* ---- "pointers" ---- */

static int order_leads(const void *left, const void *right)
{
    const struct word_lead *a = left, *b = right;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

static void list_leads(struct whole *whole, const char *pointers)
{
    struct members members;
    if (pointers == NULL || *pointers != '{') {
        return;
    }
    whole->leads =
        malloc((decode_count_items(whole->decoding, pointers) + 1) * sizeof *whole->leads);
    if (whole->leads == NULL) {
        decode_no_memory(whole->decoding);
        return;
    }
    members_open(&members, pointers, whole->decoding->end);
    while (members_next(&members, NULL)) {
        struct word_lead lead = {.at = members.value};
        if (path_index(members.key, members.key_len, &lead.offset)) {
            whole->leads[whole->lead_count++] = lead;
        }
    }
    if (whole->lead_count > 1) {
        qsort(whole->leads, whole->lead_count, sizeof *whole->leads, order_leads);
    }
}

/* What the text says that the word at `offset` leads to. NULL: nothing. */
static const char *lead_at(const struct whole *whole, uint64_t offset)
{
    size_t i = sorted_below(whole->leads, whole->lead_count, sizeof *whole->leads,
                            offsetof(struct word_lead, offset), offset);
    return i < whole->lead_count && whole->leads[i].offset == offset ? whole->leads[i].at : NULL;
}

/* ---- words ---- */

static bool looks_like_an_address(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word >> 16 != 0 && word >> 47 == 0;
}

/* What the text says that the pointer leads to, for the member whose type suits that. */
static struct bound meant(struct decoding *decoding, const char *at)
{
    struct bound bound = {.what = POINTEE_FOREIGN};
    const char *name = at == NULL ? NULL : decode_member(decoding, at, "$symbol");
    if (at != NULL && decode_member(decoding, at, "$text") != NULL) {
        bound.what = POINTEE_TEXT;
    } else if (name != NULL && decode_string(decoding, name, &decoding->scratch)) {
        char *symbol = strdup(text_string(&decoding->scratch));
        const char *file = decode_member(decoding, at, "file");
        bool local = file != NULL && decode_string(decoding, file, &decoding->scratch);
        bound.symbol = symbol == NULL
                           ? NULL
                           : layout_symbol_named(decoding->layout, symbol,
                                                 local ? text_string(&decoding->scratch) : NULL);
        bound.what = bound.symbol != NULL ? POINTEE_SYMBOL : POINTEE_FOREIGN;
        free(symbol);
    }
    return bound;
}

/* The word at `offset`, where some member has a pointer. False: it is none. */
static bool store_pointer(struct whole *whole, uint64_t offset, const unsigned char *from)
{
    struct decoding *decoding = whole->decoding;
    bool surely;
    const char *at = lead_at(whole, offset);
    struct bound bound = meant(decoding, at);
    uint32_t type = within_pointer(decoding->layout, whole->spot->type, offset, &bound, &surely);
    if (type != LAYOUT_NONE && at != NULL) {
        decode_pointer(decoding, &(struct path_spot){.type = type, .count = 1},
                       whole->bytes + offset, at, whole->trail);
    } else if (type != LAYOUT_NONE && !decoding->given->strict && !decoding->given->same_process &&
               looks_like_an_address(from)) {
        decode_tell(decoding, FINDING_KEPT, 0, whole->trail,
                    "may be a pointer to memory that is gone");
    }
    return at != NULL;
}

static void store(struct whole *whole, const struct text *text)
{
    uint64_t len = text->len < whole->type->size ? text->len : whole->type->size, at = 0;
    uint64_t step = whole->type->kind == LAYOUT_UNION
                        ? within_pointer_step(whole->decoding->layout, whole->spot->type)
                        : 0;
    const unsigned char *from = (const unsigned char *)text->data;
    while (step != 0 && at + sizeof(uint64_t) <= len && !whole->decoding->failed) {
        if (store_pointer(whole, at, from + at)) {
            at += sizeof(uint64_t);
        } else {
            memcpy(whole->bytes + at, from + at, (size_t)step);
            at += step;
        }
    }
    if (at < len) {
        memcpy(whole->bytes + at, from + at, (size_t)(len - at));
    }
}

void decode_opaque(struct decoding *decoding, const struct path_spot *spot, unsigned char *bytes,
                   const char *at, const struct trail *trail)
{
    const struct layout_type *type = &decoding->layout->types[spot->type];
    struct whole whole = {
        .decoding = decoding, .spot = spot, .type = type, .bytes = bytes, .trail = trail};
    struct text text = {0};
    bool strict = decoding->given->strict;
    bool known = !strict && decode_type_at(decoding, trail) != NULL;
    bool grown = type->kind == LAYOUT_UNION && !strict;
    bool is_bytes = decode_bytes(decoding, at, &text);
    if (is_bytes && known && !decode_union_is_alike(decoding, spot->type, trail)) {
        tell_other(&whole);
    } else if (is_bytes &&
               (text.len == type->size || (grown && (known || text.len < type->size)))) {
        list_leads(&whole, decode_member(decoding, at, "pointers"));
        store(&whole, &text);
        free(whole.leads);
    } else if (!decoding->failed) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "{\"$bytes\": base64 of %llu bytes}",
                       (unsigned long long)type->size);
        decode_mismatch(decoding, spot->type, at, trail, expected);
    }
    text_finish(&text);
}
