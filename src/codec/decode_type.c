#include "codec/decode_parts.h"

#include "base/hash.h"
#include "base/sorted.h"
#include "codec/likeness.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static int order_types(const void *left, const void *right)
{
    const struct decode_type *a = left, *b = right;
    return a->place != b->place ? (a->place < b->place ? -1 : 1)
                                : (a->at > b->at) - (a->at < b->at);
}

/* Strings and arrays end where they end: what begins as the one is the one. */
static bool is_same(const struct decoding *decoding, const char *a, const char *b)
{
    size_t len = (size_t)(value_end(b, decoding->end) - b);
    return (*b == '"' || *b == '[') && (size_t)(decoding->end - a) >= len && memcmp(a, b, len) == 0;
}

/* Of one place that two are told of, nothing is known. */
static void join(struct decoding *decoding)
{
    size_t kept = 0;
    for (size_t i = 0; i < decoding->type_count; i++) {
        struct decode_type *type = &decoding->types[i];
        struct decode_type *before = kept > 0 ? &decoding->types[kept - 1] : NULL;
        if (before == NULL || before->place != type->place) {
            decoding->types[kept++] = *type;
        } else if (before->at != NULL && !is_same(decoding, before->at, type->at)) {
            before->at = NULL;
        }
    }
    decoding->type_count = kept;
}

/* The only member of an object is a place and its type. */
static void add_type(struct decoding *decoding, const char *at)
{
    struct members members;
    if (*at != '{') {
        return;
    }
    members_open(&members, at, decoding->end);
    if (members_next(&members, NULL) && decode_string(decoding, members.key - 1, &decoding->path)) {
        decoding->types[decoding->type_count++] = (struct decode_type){
            .place = hash_bytes(text_string(&decoding->path), decoding->path.len),
            .at = members.value,
            .union_of = LAYOUT_NONE};
        decoding->has_floats |= strncmp(members.value, "\"float", 6) == 0;
    }
}

#define PLACES_LEAST ((size_t)256)
#define PLACES_MOST  ((size_t)1 << 18)
#define PLACES_TRIED 4 /* beside each other */

static bool make_room(struct decoding *decoding)
{
    size_t count = decode_count_items(decoding, decoding->type_list);
    decoding->place_count = PLACES_LEAST;
    while (decoding->place_count < count * 4 && decoding->place_count < PLACES_MOST) {
        decoding->place_count *= 2;
    }
    decoding->types = calloc(count + 1, sizeof *decoding->types);
    decoding->places = calloc(decoding->place_count + PLACES_TRIED - 1, sizeof *decoding->places);
    return decoding->types != NULL && decoding->places != NULL;
}

void decode_list_types(struct decoding *decoding)
{
    struct members list;
    if (decoding->type_list == NULL || *decoding->type_list != '[') {
        return;
    }
    if (!make_room(decoding)) {
        decode_no_memory(decoding);
        return;
    }
    members_open(&list, decoding->type_list, decoding->end);
    while (members_next(&list, NULL) && !decoding->failed) {
        add_type(decoding, list.value);
    }
    if (decoding->type_count > 1) {
        qsort(decoding->types, decoding->type_count, sizeof *decoding->types, order_types);
    }
    join(decoding);
}

/* ---- looking up ---- */

static uint64_t mix(uint64_t way, uint64_t step)
{
    way = (way ^ step) * UINT64_C(0x9e3779b97f4a7c15);
    return way ^ way >> 29;
}

/* Names of members stay where they are as long as the text is read; those of roots do not. */
static uint64_t way_of(const struct trail *trail)
{
    uint64_t way = 1;
    for (; trail->up != NULL; trail = trail->up) {
        way = trail->added ? way : mix(way, (uint64_t)(uintptr_t)trail->name);
        way = trail->key == NULL ? way : mix(way, hash_bytes(trail->key, trail->key_len));
    }
    const char *name = trail->key != NULL ? trail->key : trail->name;
    size_t len = trail->key != NULL ? trail->key_len : trail->len;
    way = name == NULL ? way : mix(way, hash_bytes(name, len));
    return way != 0 ? way : 1;
}

static struct decode_type *find_place(const struct decoding *decoding, uint64_t place)
{
    size_t i = sorted_below(decoding->types, decoding->type_count, sizeof *decoding->types,
                            offsetof(struct decode_type, place), place);
    bool found = i < decoding->type_count && decoding->types[i].place == place &&
                 decoding->types[i].at != NULL;
    return found ? &decoding->types[i] : NULL;
}

struct decode_type *decode_type_at(struct decoding *decoding, const struct trail *trail)
{
    if (decoding->type_count == 0) {
        return NULL;
    }
    uint64_t way = way_of(trail);
    struct decode_place *place =
        &decoding->places[(size_t)(way >> 32) & (decoding->place_count - 1)];
    struct decode_place *behind = place + PLACES_TRIED, *free_one = place;
    for (; place < behind && place->way != 0; place++) {
        if (place->way == way) {
            return place->type;
        }
    }
    place = place < behind ? place : free_one;
    text_clear(&decoding->path);
    decode_path(trail, true, true, &decoding->path);
    *place = (struct decode_place){
        way, find_place(decoding, hash_bytes(text_string(&decoding->path), decoding->path.len))};
    return place->type;
}

/* The number in a string that begins with `before`; 0: there is none. */
static uint64_t number_at(struct decoding *decoding, const struct trail *trail, const char *before)
{
    const struct decode_type *type = decode_type_at(decoding, trail);
    if (type == NULL || *type->at != '"' || strncmp(type->at + 1, before, strlen(before)) != 0) {
        return 0;
    }
    return strtoull(type->at + 1 + strlen(before), NULL, 10);
}

uint32_t decode_float_at(struct decoding *decoding, const struct trail *trail)
{
    uint64_t bits = decoding->has_floats ? number_at(decoding, trail, "float") : 0;
    return bits == 32 || bits == 64 || bits == 128 ? (uint32_t)bits / 8 : 0;
}

bool decode_was(struct decoding *decoding, const struct trail *trail, const char *word)
{
    const struct decode_type *type = decode_type_at(decoding, trail);
    return type != NULL && *type->at == '"' && strncmp(type->at + 1, word, strlen(word)) == 0;
}

uint64_t decode_chars_at(struct decoding *decoding, const struct trail *trail)
{
    return number_at(decoding, trail, "char[");
}

bool decode_enum_at(struct decoding *decoding, const struct trail *trail, uint64_t *number)
{
    static const char word[] = "enum ";
    const struct decode_type *type = decode_type_at(decoding, trail);
    if (type == NULL || *type->at != '"') {
        return false;
    }
    const char *end = value_end(type->at, decoding->end) - 1, *at = type->at + 1;
    if (strncmp(at, "bits", 4) == 0) {
        at += strcspn(at, " \"") + 1;
    }
    return at < end && strncmp(at, word, sizeof word - 1) == 0 &&
           path_index(at + sizeof word - 1, (size_t)(end - at) - sizeof word + 1, number);
}

/* ---- unions ---- */

#define BUDGET ((uint64_t)1 << 16)

static bool has_word(const struct text *words, const struct text *word)
{
    const char *end = words->data + words->len;
    for (const char *at = words->data; at < end; at += strlen(at) + 1) {
        if (likeness_includes(at, text_string(word))) {
            return true;
        }
    }
    return false;
}

static bool compare(struct decoding *decoding, uint32_t type, const char *list)
{
    struct text names = {0}, old_names = {0}, word = {0};
    struct members members;
    uint64_t budget = BUDGET;
    bool alike = *list == '[' && likeness_words(decoding->layout, type, false, &budget, &names) &&
                 likeness_words(decoding->layout, type, true, &budget, &old_names);
    if (alike) {
        members_open(&members, list, decoding->end);
        while (alike && members_next(&members, NULL)) {
            alike = decode_string(decoding, members.value, &word) &&
                    (has_word(&names, &word) || has_word(&old_names, &word));
        }
    }
    text_finish(&names);
    text_finish(&old_names);
    text_finish(&word);
    return alike;
}

bool decode_was_union(struct decoding *decoding, const struct trail *trail)
{
    const struct decode_type *type = decode_type_at(decoding, trail);
    return type != NULL && *type->at == '[';
}

bool decode_union_is_alike(struct decoding *decoding, uint32_t number, const struct trail *trail)
{
    struct decode_type *type = decode_type_at(decoding, trail);
    if (type == NULL) {
        return true; /* the text does not tell */
    }
    if (type->union_of != number) {
        type->alike = compare(decoding, number, type->at);
        type->union_of = number;
    }
    return type->alike;
}
