#include "codec/decode_parts.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide_int;

/* ---- names of the layout ---- */

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
static bool find_here(struct decoding *decoding, const struct layout_type *type, const char *name,
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

/* ---- names of "$enums" ---- */

static int order_told(const void *left, const void *right)
{
    const struct decode_told *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0           ? order
           : a->type != b->type ? (a->type > b->type) - (a->type < b->type)
                                : (a->number > b->number) - (a->number < b->number);
}

static void add_told(struct decoding *decoding, uint64_t type, const struct members *word)
{
    struct text name = {0};
    bool negative = word->key_len > 0 && *word->key == '-';
    uint64_t size;
    if (!path_index(word->key + negative, word->key_len - negative, &size) ||
        !decode_string(decoding, word->value, &name) || name.len == 0 ||
        strlen(name.data) != name.len) {
        text_finish(&name);
        return;
    }
    if (decoding->names_count == decoding->names_room) {
        size_t room = decoding->names_room * 2 + 16;
        struct decode_told *names = realloc(decoding->names, room * sizeof *names);
        if (names == NULL) {
            decode_no_memory(decoding);
            text_finish(&name);
            return;
        }
        decoding->names = names;
        decoding->names_room = room;
    }
    decoding->names[decoding->names_count++] = (struct decode_told){
        .name = name.data, .type = type, .number = negative ? -(wide_int)size : (wide_int)size};
}

/* From the last one on: else a name that many enums have would be compared for each value. */
static void find_clear(struct decoding *decoding)
{
    for (size_t i = decoding->names_count; i > 0; i--) {
        struct decode_told *told = &decoding->names[i - 1];
        const struct decode_told *next = i < decoding->names_count ? told + 1 : NULL;
        bool name = next != NULL && strcmp(next->name, told->name) == 0;
        bool type = name && next->type == told->type;
        told->clear = !name || (next->clear && next->number == told->number);
        told->clear_of_type = !type || (next->clear_of_type && next->number == told->number);
    }
}

static void list_told(struct decoding *decoding)
{
    struct members enums, words;
    decoding->names_listed = true;
    if (decoding->enums == NULL || *decoding->enums != '[') {
        return;
    }
    members_open(&enums, decoding->enums, decoding->end);
    while (members_next(&enums, NULL) && !decoding->failed) {
        const char *names = decode_member(decoding, enums.value, "names");
        if (names == NULL || *names != '{') {
            continue;
        }
        uint64_t type = UINT64_MAX;
        (void)decode_count(decoding, decode_member(decoding, enums.value, "id"), &type);
        members_open(&words, names, decoding->end);
        while (members_next(&words, NULL) && !decoding->failed) {
            add_told(decoding, type, &words);
        }
    }
    if (decoding->names_count > 1) {
        qsort(decoding->names, decoding->names_count, sizeof *decoding->names, order_told);
    }
    find_clear(decoding);
}

/* Of two enums with that name, which C++ can have, that of the place. */
static bool find_told(struct decoding *decoding, const char *name, const struct trail *trail,
                      struct value *value)
{
    size_t low = 0, high;
    uint64_t type = 0;
    if (!decoding->names_listed) {
        list_told(decoding);
    }
    bool typed = decode_enum_at(decoding, trail, &type);
    for (high = decoding->names_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct decode_told *told = &decoding->names[middle];
        int order = strcmp(told->name, name);
        bool before = order < 0 || (order == 0 && typed && told->type < type);
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    const struct decode_told *found = low < decoding->names_count ? &decoding->names[low] : NULL;
    if (found == NULL || strcmp(found->name, name) != 0 ||
        (typed ? found->type != type || !found->clear_of_type : !found->clear)) {
        return false;
    }
    *value = (struct value){.kind = VALUE_NAME, .wide = found->number, .name = found->name};
    return true;
}

/* ---- both ---- */

bool decode_word(struct decoding *decoding, const struct layout_type *type, const struct text *word,
                 const struct trail *trail, struct value *value)
{
    const char *name = word->data;
    if (word->len == 0 || strlen(name) != word->len) {
        return false;
    }
    if (type->kind == LAYOUT_ENUM) {
        return find_here(decoding, type, name, value) || find_told(decoding, name, trail, value);
    }
    return find_told(decoding, name, trail, value) || find_here(decoding, type, name, value);
}
