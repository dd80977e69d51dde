/* Random types, and changes of them, as layouts; deliberately simple, and with own offsets. */
#ifndef TESTS_LAYOUT_RANDOM_TYPES_H
#define TESTS_LAYOUT_RANDOM_TYPES_H

#include "sketch.h"

#define WORDS_MOST  6
#define FIELDS_MOST 10
#define DEPTH_MOST  4

enum shape {
    SHAPE_INT,
    SHAPE_FLOAT,
    SHAPE_BOOL,
    SHAPE_ENUM,
    SHAPE_POINTER,
    SHAPE_TEXT,
    SHAPE_ARRAY,
    SHAPE_STRUCT,
    SHAPE_UNION
};

struct shape_field {
    char name[4], was[4]; /* was: "" or its old name */
    struct shape_type *type;
    uint64_t offset;
    uint32_t bit, bits;
    bool transient;
};

struct shape_type {
    enum shape shape;
    bool is_signed;
    uint64_t size, count;  /* TEXT, ARRAY: count of elements */
    uint32_t number;       /* in the draft */
    int words[WORDS_MOST]; /* ENUM: numbers of the names W0.., -1: not there */
    struct shape_type *element;
    struct shape_field fields[FIELDS_MOST];
    unsigned field_count;
    struct shape_type *next; /* in the pool */
};

struct random {
    uint64_t seed;
    struct shape_type *pool; /* all types, to be freed */
    bool unions;             /* are made, too */
};

static inline uint64_t random_next(struct random *random)
{
    random->seed ^= random->seed << 13;
    random->seed ^= random->seed >> 7;
    random->seed ^= random->seed << 17;
    return random->seed;
}

static inline unsigned random_below(struct random *random, unsigned limit)
{
    return (unsigned)(random_next(random) >> 33) % limit;
}

static inline bool random_chance(struct random *random, unsigned percent)
{
    return random_below(random, 100) < percent;
}

static inline struct shape_type *random_new(struct random *random)
{
    struct shape_type *type = calloc(1, sizeof *type);
    assert_non_null(type);
    type->next = random->pool;
    random->pool = type;
    return type;
}

static inline void random_free(struct random *random)
{
    while (random->pool != NULL) {
        struct shape_type *next = random->pool->next;
        free(random->pool);
        random->pool = next;
    }
}

/* ---- making ---- */

static inline struct shape_type *random_type(struct random *random, unsigned depth);

static inline void random_place(struct random *random, struct shape_type *type)
{
    uint64_t end = 0;
    for (unsigned i = 0; i < type->field_count; i++) {
        struct shape_field *field = &type->fields[i];
        end += random_chance(random, 30) ? random_below(random, 9) : 0;
        field->offset = end;
        end += field->bits == 0 ? field->type->size : (field->bit + field->bits + 7) / 8;
    }
    if (type->shape == SHAPE_UNION) {
        end = 0;
        for (unsigned i = 0; i < type->field_count; i++) {
            struct shape_field *field = &type->fields[i];
            uint64_t size =
                field->bits == 0 ? field->type->size : (field->bit + field->bits + 7) / 8;
            field->offset = 0;
            end = size > end ? size : end;
        }
    }
    type->size = end + random_below(random, 4);
    type->size += type->size == 0; /* an array of nothing has no elements */
}

static inline struct shape_field random_field(struct random *random, unsigned depth)
{
    struct shape_field field = {.type = random_type(random, depth)};
    bool whole = field.type->shape == SHAPE_INT || field.type->shape == SHAPE_BOOL ||
                 field.type->shape == SHAPE_ENUM;
    if (whole && random_chance(random, 25)) {
        field.bit = random_below(random, 8);
        field.bits =
            1 + random_below(random,
                             field.type->shape == SHAPE_BOOL ? 1 : (unsigned)field.type->size * 8);
    }
    field.transient = random_chance(random, 4);
    return field;
}

static inline bool has_field(const struct shape_type *type, const char *name)
{
    for (unsigned i = 0; i < type->field_count; i++) {
        if (strcmp(type->fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static inline void random_add(struct random *random, struct shape_type *type,
                              struct shape_field field)
{
    if (type->field_count == FIELDS_MOST) {
        return;
    }
    while (field.name[0] == '\0' || has_field(type, field.name)) {
        field.name[0] = (char)('a' + random_below(random, 20));
        field.name[1] = '\0';
    }
    type->fields[type->field_count++] = field;
}

static inline void random_words(struct random *random, struct shape_type *type)
{
    for (int i = 0; i < WORDS_MOST; i++) {
        type->words[i] = random_chance(random, 15) ? -1 : i;
    }
    for (int i = 0; i < WORDS_MOST; i++) { /* numbered anew, all different */
        unsigned other = random_below(random, WORDS_MOST);
        if (random_chance(random, 20) && type->words[i] >= 0 && type->words[other] >= 0) {
            int number = type->words[i];
            type->words[i] = type->words[other];
            type->words[other] = number;
        }
    }
}

static inline struct shape_type *random_other_words(struct random *random,
                                                    const struct shape_type *old)
{
    struct shape_type *type = random_new(random), *next = type->next;
    *type = *old;
    type->next = next;
    if (random_chance(random, 50)) {
        random_words(random, type);
    } else {
        for (int i = 0; i < WORDS_MOST; i++) { /* those that were left out */
            type->words[i] = type->words[i] < 0 ? i + WORDS_MOST : type->words[i];
        }
    }
    return type;
}

static inline struct shape_type *random_union(struct random *random)
{
    struct shape_type *type = random_new(random);
    type->shape = SHAPE_UNION;
    for (unsigned i = 1 + random_below(random, 3); i > 0; i--) {
        struct shape_field field;
        do {
            field = random_field(random, 0);
        } while (field.type->shape == SHAPE_POINTER || field.type->shape == SHAPE_UNION);
        random_add(random, type, field);
    }
    random_place(random, type);
    return type;
}

static inline struct shape_type *random_type(struct random *random, unsigned depth)
{
    if (random->unions && depth > 0 && random_chance(random, 8)) {
        return random_union(random);
    }
    struct shape_type *type = random_new(random);
    unsigned kind = random_below(random, depth == 0 ? 60 : 100);
    type->shape = kind < 24   ? SHAPE_INT
                  : kind < 36 ? SHAPE_FLOAT
                  : kind < 41 ? SHAPE_BOOL
                  : kind < 47 ? SHAPE_ENUM
                  : kind < 53 ? SHAPE_POINTER
                  : kind < 60 ? SHAPE_TEXT
                  : kind < 78 ? SHAPE_ARRAY
                              : SHAPE_STRUCT;
    type->is_signed = random_chance(random, 50);
    switch (type->shape) {
    case SHAPE_INT:
        type->size = UINT64_C(1) << random_below(random, 4);
        break;
    case SHAPE_FLOAT:
        type->size = random_chance(random, 50) ? 4 : 8;
        break;
    case SHAPE_BOOL:
        type->size = 1;
        break;
    case SHAPE_ENUM:
        type->size = UINT64_C(1) << random_below(random, 4);
        random_words(random, type);
        break;
    case SHAPE_POINTER:
        type->size = 8;
        break;
    case SHAPE_TEXT:
        type->size = type->count = 1 + random_below(random, 20);
        break;
    case SHAPE_ARRAY:
        type->count = 1 + random_below(random, 4);
        type->element = random_type(random, depth - 1);
        type->size = type->count * type->element->size;
        break;
    case SHAPE_STRUCT:
        for (unsigned i = 1 + random_below(random, 6); i > 0; i--) {
            random_add(random, type, random_field(random, depth - 1));
        }
        random_place(random, type);
        break;
    case SHAPE_UNION: /* see random_union */
        break;
    }
    return type;
}

/* ---- changing ---- */

static inline struct shape_type *random_change(struct random *random, const struct shape_type *old,
                                               unsigned depth);

static inline void change_fields(struct random *random, const struct shape_type *old,
                                 struct shape_type *type, unsigned depth)
{
    type->field_count = 0;
    for (unsigned i = 0; i < old->field_count; i++) {
        struct shape_field field = old->fields[i];
        if (random_chance(random, 10)) {
            continue;
        }
        if (random_chance(random, 15)) {
            struct shape_field fresh = random_field(random, depth == 0 ? 0 : depth - 1);
            memcpy(fresh.name, field.name, sizeof fresh.name);
            field = fresh;
        } else if (random_chance(random, 40) && field.bits == 0) {
            field.type = random_change(random, field.type, depth == 0 ? 0 : depth - 1);
        }
        memset(field.was, 0, sizeof field.was);
        if (random_chance(random, 12)) {
            memcpy(field.was, field.name, sizeof field.was);
            memset(field.name, 0, sizeof field.name);
        }
        random_add(random, type, field);
    }
    for (unsigned i = random_below(random, 3); i > 0; i--) {
        random_add(random, type, random_field(random, depth == 0 ? 0 : depth - 1));
    }
    for (unsigned i = 0; i < type->field_count && random_chance(random, 70); i++) {
        unsigned other = random_below(random, type->field_count);
        struct shape_field field = type->fields[i];
        type->fields[i] = type->fields[other];
        type->fields[other] = field;
    }
}

static inline struct shape_type *random_change(struct random *random, const struct shape_type *old,
                                               unsigned depth)
{
    if (random_chance(random, 20)) {
        return random_type(random, depth);
    }
    struct shape_type *type = random_new(random), *next = type->next;
    *type = *old;
    type->next = next;
    switch (type->shape) {
    case SHAPE_ENUM:
        random_words(random, type);
        break;
    case SHAPE_TEXT:
        type->size = type->count = 1 + random_below(random, 20);
        break;
    case SHAPE_ARRAY:
        type->count = random_chance(random, 40) ? 1 + random_below(random, 5) : type->count;
        type->element =
            random_chance(random, 60) ? random_change(random, old->element, depth) : old->element;
        type->size = type->count * type->element->size;
        break;
    case SHAPE_UNION:
        if (random_chance(random, 50)) {
            struct shape_type *other = random_union(random);
            for (unsigned i = 0; i < other->field_count; i++) { /* added; or what names mean now */
                random_add(random, type, other->fields[i]);
            }
            type->fields[0] = random_chance(random, 30) ? other->fields[0] : type->fields[0];
            memcpy(type->fields[0].name, old->fields[0].name, sizeof old->fields[0].name);
        }
        for (unsigned i = 0; i < type->field_count; i++) {
            if (type->fields[i].type->shape == SHAPE_ENUM && random_chance(random, 40)) {
                type->fields[i].type = random_other_words(random, type->fields[i].type);
            }
        }
        random_place(random, type);
        break;
    case SHAPE_STRUCT:
        change_fields(random, old, type, depth);
        random_place(random, type);
        break;
    default:
        break;
    }
    return type;
}

/* ---- as a layout ---- */

static inline void draft_shape(struct draft *draft, struct shape_type *type);

static inline void draft_shape_struct(struct draft *draft, struct shape_type *type,
                                      struct layout_type *layout)
{
    struct layout_field fields[FIELDS_MOST];
    for (unsigned i = 0; i < type->field_count; i++) {
        const struct shape_field *field = &type->fields[i];
        draft_shape(draft, field->type);
        fields[i] = (struct layout_field){
            .name = draft_string(draft, field->name),
            .type = field->type->number,
            .old_name = field->was[0] == '\0' ? LAYOUT_NONE : draft_string(draft, field->was),
            .flags = field->transient ? LAYOUT_TRANSIENT : 0,
            .offset = field->offset,
            .bit = field->bit,
            .bits = field->bits};
    }
    layout->kind = type->shape == SHAPE_UNION ? LAYOUT_UNION : LAYOUT_STRUCT;
    layout->count = type->field_count;
    draft_fill(draft, type->number, layout, fields, NULL);
}

static inline void draft_shape_enum(struct draft *draft, struct shape_type *type,
                                    struct layout_type *layout)
{
    struct layout_enumerator words[WORDS_MOST];
    for (int i = 0; i < WORDS_MOST; i++) {
        if (type->words[i] >= 0) {
            char name[4] = {'W', (char)('0' + i), '\0'};
            words[layout->count++] = (struct layout_enumerator){.name = draft_string(draft, name),
                                                                .value = (uint64_t)type->words[i]};
        }
    }
    layout->kind = LAYOUT_ENUM;
    layout->flags = type->is_signed ? LAYOUT_SIGNED : 0;
    draft_fill(draft, type->number, layout, NULL, words);
}

/* Sets numbers; types that are shared are filled in once for each use, which does no harm. */
static inline void draft_shape(struct draft *draft, struct shape_type *type)
{
    static const enum layout_kind kinds[] = {[SHAPE_FLOAT] = LAYOUT_FLOAT,
                                             [SHAPE_BOOL] = LAYOUT_BOOL,
                                             [SHAPE_POINTER] = LAYOUT_POINTER,
                                             [SHAPE_TEXT] = LAYOUT_ARRAY,
                                             [SHAPE_ARRAY] = LAYOUT_ARRAY};
    struct layout_type layout = {.target = LAYOUT_NONE, .size = type->size, .align = 1};
    type->number = draft_reserve(draft);
    if (type->shape == SHAPE_STRUCT || type->shape == SHAPE_UNION) {
        draft_shape_struct(draft, type, &layout);
        return;
    }
    if (type->shape == SHAPE_ENUM) {
        draft_shape_enum(draft, type, &layout);
        return;
    }
    layout.kind = type->shape == SHAPE_INT ? (type->is_signed ? LAYOUT_INT : LAYOUT_UINT)
                                           : kinds[type->shape];
    layout.elements = type->count;
    if (type->shape == SHAPE_ARRAY) {
        draft_shape(draft, type->element);
        layout.target = type->element->number;
    } else if (type->shape == SHAPE_TEXT || type->shape == SHAPE_POINTER) {
        struct layout_type target = {.kind =
                                         type->shape == SHAPE_TEXT ? LAYOUT_CHAR : LAYOUT_UNKNOWN,
                                     .target = LAYOUT_NONE,
                                     .size = type->shape == SHAPE_TEXT,
                                     .align = 1};
        layout.target = draft_reserve(draft);
        draft_fill(draft, layout.target, &target, NULL, NULL);
    }
    draft_fill(draft, type->number, &layout, NULL, NULL);
}

static inline struct layout *layout_of(struct shape_type *type)
{
    struct sketch sketch = {.draft = draft_create()};
    assert_non_null(sketch.draft);
    draft_shape(sketch.draft, type);
    sketch.last = type->number;
    return sketch_end_with(&sketch, &(struct draft_library){.span = 4096});
}

/* ---- values ---- */

static inline void put_bits(unsigned char *bytes, uint32_t bit, uint32_t bits, uint64_t value)
{
    for (uint32_t i = 0; i < bits; i++) {
        unsigned char mask = (unsigned char)(1U << ((bit + i) % 8));
        unsigned char *byte = &bytes[(bit + i) / 8];
        *byte = (unsigned char)((value >> i & 1) != 0 ? *byte | mask : *byte & ~mask);
    }
}

/* Fills each element and each field; of bit-fields with whatever comes. */
typedef void fill_value(struct random *random, const struct shape_type *type, unsigned char *bytes);

static inline void fill_parts(struct random *random, const struct shape_type *type,
                              unsigned char *bytes, fill_value *fill)
{
    for (uint64_t i = 0; type->shape == SHAPE_ARRAY && i < type->count; i++) {
        fill(random, type->element, bytes + i * type->element->size);
    }
    for (unsigned i = 0; type->shape == SHAPE_STRUCT && i < type->field_count; i++) {
        const struct shape_field *field = &type->fields[i];
        if (field->bits == 0) {
            fill(random, field->type, bytes + field->offset);
        } else {
            put_bits(bytes + field->offset, field->bit, field->bits, random_next(random));
        }
    }
}

/* ---- trials ---- */

/* Of 1,000 seeds, or as many as HOTRUN_RANDOM_STRUCTS says from HOTRUN_RANDOM_SEED on. */
static inline void random_check(void (*check)(uint64_t seed))
{
    const char *wanted = getenv("HOTRUN_RANDOM_STRUCTS"), *first = getenv("HOTRUN_RANDOM_SEED");
    uint64_t count = wanted == NULL ? 1000 : strtoull(wanted, NULL, 10);
    uint64_t seed = first == NULL ? 1 : strtoull(first, NULL, 10);
    for (uint64_t i = 0; i < count; i++) {
        check(seed + i);
    }
}

#endif
