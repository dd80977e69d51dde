/* Layouts for tests from what C would say: "enum e {A, B = 5}; struct node {int id; struct node
 * *next;}; struct game {char name[8]; struct node first; exact; transient int x; was(old) int y;}".
 * Offsets are those of x86-64 and arm64. The last struct is the state. */
#ifndef TESTS_LAYOUT_SKETCH_H
#define TESTS_LAYOUT_SKETCH_H

#include "base/error.h"
#include "base/text.h"
#include "layout/convert.h"
#include "layout/draft.h"
#include "layout/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SKETCH_TYPES  256
#define SKETCH_FIELDS 512

struct sketch_type {
    char name[64]; /* "struct node", "int" */
    uint32_t number;
    bool defined;
};

struct sketch {
    struct draft *draft;
    const char *at;
    struct sketch_type types[SKETCH_TYPES];
    unsigned count;
    uint32_t last; /* struct that was defined */
};

static inline void sketch_space(struct sketch *sketch)
{
    sketch->at += strspn(sketch->at, " \n\t");
}

static inline bool sketch_take(struct sketch *sketch, const char *token)
{
    size_t len = strlen(token);
    sketch_space(sketch);
    bool word = token[len - 1] >= 'a' && token[len - 1] <= 'z';
    if (strncmp(sketch->at, token, len) != 0 ||
        (word && strspn(sketch->at + len, "abcdefghijklmnopqrstuvwxyz_0123456789") > 0)) {
        return false;
    }
    sketch->at += len;
    return true;
}

static inline void sketch_need(struct sketch *sketch, const char *token)
{
    if (!sketch_take(sketch, token)) {
        fail_msg("%s is missing at: %.40s", token, sketch->at);
    }
}

static inline const char *sketch_word(struct sketch *sketch, char word[48])
{
    sketch_space(sketch);
    size_t len =
        strspn(sketch->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789$:.");
    assert_in_range(len, 1, 47);
    memcpy(word, sketch->at, len);
    word[len] = '\0';
    sketch->at += len;
    return word;
}

static inline struct sketch_type *sketch_named(struct sketch *sketch, const char *name)
{
    for (unsigned i = 0; i < sketch->count; i++) {
        if (strcmp(sketch->types[i].name, name) == 0) {
            return &sketch->types[i];
        }
    }
    assert_in_range(sketch->count, 0, SKETCH_TYPES - 1);
    struct sketch_type *type = &sketch->types[sketch->count++];
    (void)snprintf(type->name, sizeof type->name, "%s", name);
    type->number = draft_reserve(sketch->draft);
    return type;
}

static inline uint32_t sketch_fill(struct sketch *sketch, struct layout_type type)
{
    uint32_t number = draft_reserve(sketch->draft);
    draft_fill(sketch->draft, number, &type, NULL, NULL);
    return number;
}

static const struct sketch_scalar {
    const char *name;
    enum layout_kind kind;
    uint32_t size, flags;
} sketch_scalars[] = {{"bool", LAYOUT_BOOL, 1, 0},        {"char", LAYOUT_CHAR, 1, LAYOUT_SIGNED},
                      {"int", LAYOUT_INT, 4, 0},          {"unsigned", LAYOUT_UINT, 4, 0},
                      {"i8", LAYOUT_INT, 1, 0},           {"i16", LAYOUT_INT, 2, 0},
                      {"i64", LAYOUT_INT, 8, 0},          {"i128", LAYOUT_INT, 16, 0},
                      {"u8", LAYOUT_UINT, 1, 0},          {"u16", LAYOUT_UINT, 2, 0},
                      {"u64", LAYOUT_UINT, 8, 0},         {"u128", LAYOUT_UINT, 16, 0},
                      {"float", LAYOUT_FLOAT, 4, 0},      {"double", LAYOUT_FLOAT, 8, 0},
                      {"ldouble", LAYOUT_FLOAT, 16, 0},   {"blob8", LAYOUT_BYTES, 8, 0},
                      {"blob16", LAYOUT_BYTES, 16, 0},    {"void", LAYOUT_UNKNOWN, 0, 0},
                      {"function", LAYOUT_FUNCTION, 0, 0}};

static inline uint32_t sketch_scalar(struct sketch *sketch, const char *name)
{
    struct sketch_type *type = sketch_named(sketch, name);
    for (size_t i = 0; !type->defined && i < sizeof sketch_scalars / sizeof sketch_scalars[0];
         i++) {
        const struct sketch_scalar *scalar = &sketch_scalars[i];
        if (strcmp(scalar->name, name) == 0) {
            type->defined = true;
            draft_fill(sketch->draft, type->number,
                       &(struct layout_type){
                           .kind = scalar->kind,
                           .flags = scalar->flags,
                           .name = draft_string(sketch->draft, scalar->size > 0 ? name : ""),
                           .target = LAYOUT_NONE,
                           .size = scalar->size,
                           .align = scalar->size > 0 ? scalar->size : 1},
                       NULL, NULL);
        }
    }
    if (!type->defined) {
        fail_msg("%s is no type", name);
    }
    return type->number;
}

static inline void sketch_enum(struct sketch *sketch, uint32_t number, const char *name)
{
    struct layout_enumerator list[64];
    char word[48];
    uint32_t count = 0, flags = 0;
    int64_t next = 0;
    while (!sketch_take(sketch, "}")) {
        list[count] = (struct layout_enumerator){
            .name = draft_string(sketch->draft, sketch_word(sketch, word))};
        if (sketch_take(sketch, "=")) {
            next = strtol(sketch->at, (char **)(uintptr_t)&sketch->at, 0);
        }
        flags |= next < 0 ? LAYOUT_SIGNED : 0;
        list[count++].value = (uint64_t)next++;
        (void)sketch_take(sketch, ",");
    }
    draft_fill(sketch->draft, number,
               &(struct layout_type){.kind = LAYOUT_ENUM,
                                     .flags = flags,
                                     .name = draft_string(sketch->draft, name),
                                     .count = count,
                                     .target = LAYOUT_NONE,
                                     .size = 4,
                                     .align = 4},
               NULL, list);
}

static inline uint32_t sketch_base(struct sketch *sketch);

struct sketch_place { /* in a struct that is being filled */
    uint64_t offset, size;
    uint32_t align, bit;
    bool is_union;
};

static inline void sketch_put(struct sketch_place *place, struct layout_field *field,
                              const struct layout_type *type)
{
    uint64_t unit = type->size * 8;
    uint64_t start = place->is_union ? 0 : place->offset * 8 + place->bit;
    if (field->bits != 0) {
        start += start / unit != (start + field->bits - 1) / unit ? unit - start % unit : 0;
        field->offset = start / 8;
        field->bit = (uint32_t)(start % 8);
        place->offset = (start + field->bits) / 8;
        place->bit = (uint32_t)((start + field->bits) % 8);
    } else {
        uint64_t align = type->align;
        field->offset = ((start + 7) / 8 + align - 1) / align * align;
        place->offset = field->offset + type->size;
        place->bit = 0;
    }
    uint64_t end = place->offset + (place->bit > 0);
    place->size = end > place->size ? end : place->size;
    place->align = type->align > place->align ? type->align : place->align;
}

static inline struct layout_field sketch_field(struct sketch *sketch, uint32_t *type)
{
    struct layout_field field = {.old_name = LAYOUT_NONE};
    char word[48];
    uint64_t counts[8];
    unsigned rank = 0;
    if (sketch_take(sketch, "was(")) {
        field.old_name = draft_string(sketch->draft, sketch_word(sketch, word));
        sketch_need(sketch, ")");
    }
    field.flags |= sketch_take(sketch, "transient") ? LAYOUT_TRANSIENT : 0;
    field.flags |= sketch_take(sketch, "base") ? LAYOUT_BASE : 0;
    field.flags |= sketch_take(sketch, "vtable") ? LAYOUT_VTABLE : 0;
    *type = sketch_base(sketch);
    while (sketch_take(sketch, "*")) {
        *type = sketch_fill(
            sketch,
            (struct layout_type){.kind = LAYOUT_POINTER, .target = *type, .size = 8, .align = 8});
    }
    sketch_space(sketch);
    if (*sketch->at == ';') {
        field.flags |= LAYOUT_MEMBERS;
    } else {
        field.name = draft_string(sketch->draft, sketch_word(sketch, word));
    }
    while (sketch_take(sketch, "[")) {
        counts[rank++] = strtoull(sketch->at, (char **)(uintptr_t)&sketch->at, 0);
        sketch_need(sketch, "]");
    }
    while (rank-- > 0) {
        const struct layout_type *of = draft_type(sketch->draft, *type);
        *type = sketch_fill(sketch, (struct layout_type){.kind = LAYOUT_ARRAY,
                                                         .target = *type,
                                                         .size = of->size * counts[rank],
                                                         .elements = counts[rank],
                                                         .align = of->align});
    }
    if (sketch_take(sketch, "@")) {
        field.bits = (uint32_t)strtoul(sketch->at, (char **)(uintptr_t)&sketch->at, 0);
    }
    sketch_need(sketch, ";");
    field.type = *type;
    return field;
}

static inline void sketch_members(struct sketch *sketch, uint32_t number, const char *name,
                                  bool is_union)
{
    struct layout_field *fields = calloc(SKETCH_FIELDS, sizeof *fields);
    struct sketch_place place = {.align = 1, .is_union = is_union};
    uint32_t count = 0, flags = 0, type;
    assert_non_null(fields);
    while (!sketch_take(sketch, "}")) {
        if (sketch_take(sketch, "exact")) {
            sketch_need(sketch, ";");
            flags |= LAYOUT_EXACT;
            continue;
        }
        fields[count] = sketch_field(sketch, &type);
        sketch_put(&place, &fields[count++], draft_type(sketch->draft, type));
    }
    place.size = (place.size + place.align - 1) / place.align * place.align;
    draft_fill(sketch->draft, number,
               &(struct layout_type){.kind = is_union ? LAYOUT_UNION : LAYOUT_STRUCT,
                                     .flags = flags,
                                     .name = draft_string(sketch->draft, name),
                                     .count = count,
                                     .target = LAYOUT_NONE,
                                     .size = place.size,
                                     .align = place.align},
               fields, NULL);
    free(fields);
}

/* A type in front of a name; defines it, when its body follows. */
static inline uint32_t sketch_base(struct sketch *sketch)
{
    static const char *const words[] = {"struct", "union", "enum"};
    char word[48], name[64];
    for (unsigned i = 0; i < 3; i++) {
        if (!sketch_take(sketch, words[i])) {
            continue;
        }
        struct sketch_type *type = NULL;
        sketch_space(sketch);
        word[0] = '\0';
        if (*sketch->at != '{') {
            (void)snprintf(name, sizeof name, "%s %s", words[i], sketch_word(sketch, word));
            type = sketch_named(sketch, name);
        }
        uint32_t number = type != NULL ? type->number : draft_reserve(sketch->draft);
        if (sketch_take(sketch, "{")) {
            if (i == 2) {
                sketch_enum(sketch, number, word);
            } else {
                sketch_members(sketch, number, word, i == 1);
                sketch->last = number;
            }
        }
        return number;
    }
    return sketch_scalar(sketch, sketch_word(sketch, word));
}

/* Reads `text`; more can be added to sketch->draft before sketch_end. */
static inline void sketch_begin(struct sketch *sketch, const char *text)
{
    *sketch = (struct sketch){.draft = draft_create(), .at = text, .last = LAYOUT_NONE};
    assert_non_null(sketch->draft);
    for (;;) {
        sketch_space(sketch);
        if (*sketch->at == '\0') {
            return;
        }
        (void)sketch_base(sketch);
        (void)sketch_take(sketch, ";");
    }
}

static inline struct layout *sketch_end_with(struct sketch *sketch,
                                             const struct draft_library *library)
{
    struct text block = {0};
    struct error err = {0};
    struct layout *layout = NULL;
    if (draft_finish(sketch->draft, sketch->last, library, &block, &err)) {
        layout = layout_open(block.data, block.len, &err);
    }
    if (layout == NULL) {
        fail_msg("%s", err.text);
    }
    text_finish(&block);
    draft_destroy(sketch->draft);
    return layout;
}

static inline struct layout *sketch_layout(const char *text)
{
    struct sketch sketch;
    sketch_begin(&sketch, text);
    return sketch_end_with(&sketch, &(struct draft_library){.span = 4096});
}

/* ---- what else a library has; before sketch_end_with ---- */

static inline void sketch_symbol(struct sketch *sketch, const char *name, const char *file,
                                 uint64_t address, uint64_t size, bool function)
{
    draft_symbol(sketch->draft, &(struct layout_symbol){.name = draft_string(sketch->draft, name),
                                                        .file = draft_string(sketch->draft, file),
                                                        .address = address,
                                                        .size = size,
                                                        .function = function});
}

/* `type`: "struct node", "int"; `flags` beside LAYOUT_CARRIED. */
static inline void sketch_variable(struct sketch *sketch, const char *file, const char *function,
                                   const char *name, const char *type, uint64_t address,
                                   uint32_t flags)
{
    draft_variable(
        sketch->draft,
        &(struct layout_variable){
            .file = draft_string(sketch->draft, file),
            .function = draft_string(sketch->draft, function),
            .name = draft_string(sketch->draft, name),
            .type = strchr(type, ' ') != NULL ? sketch_named(sketch, type)->number
                                              : sketch_scalar(sketch, type),
            .flags = flags ^ LAYOUT_CARRIED,
            .reason = draft_string(sketch->draft, (flags & LAYOUT_CARRIED) != 0 ? "it moves" : ""),
            .address = address});
}

static inline void sketch_mark(struct sketch *sketch, const char *type, uint64_t address)
{
    draft_mark(sketch->draft, address, sketch_named(sketch, type)->number);
}

/* ---- values in bytes of a layout, by path ---- */

static inline struct path_spot sketch_spot(const struct layout *layout, uint32_t type,
                                           const char *path)
{
    struct roster *roster = roster_create(layout);
    struct path_spot spot = {type, 0, 1, 0, 0};
    const char *at = path, *end = path + strlen(path);
    assert_non_null(roster);
    while (at < end) {
        size_t len = strcspn(at + 1, "/");
        if (path_step(roster, &spot, at + 1, len, true) == PATH_NONE) {
            fail_msg("%s is not there", path);
        }
        at += 1 + len;
    }
    roster_destroy(roster);
    return spot;
}

static inline void sketch_set(const struct layout *layout, unsigned char *bytes, const char *path,
                              double number)
{
    struct path_spot spot = sketch_spot(layout, 0, path);
    struct value value = {.kind = VALUE_FLOAT, .real = (long double)number};
    assert_int_equal(convert_write(&value, layout, &layout->types[spot.type], bytes + spot.offset,
                                   spot.bit, spot.bits),
                     CONVERSION_EXACT);
}

static inline double sketch_get(const struct layout *layout, const unsigned char *bytes,
                                const char *path)
{
    struct path_spot spot = sketch_spot(layout, 0, path);
    struct value value =
        convert_read(layout, &layout->types[spot.type], bytes + spot.offset, spot.bit, spot.bits);
    return value.kind == VALUE_FLOAT ? (double)value.real : (double)value.wide;
}

static inline void *sketch_at(const struct layout *layout, unsigned char *bytes, const char *path)
{
    return bytes + sketch_spot(layout, 0, path).offset;
}

#endif
