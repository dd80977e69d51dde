/* A state with a value of each kind, and its layout, for the tests of JSON. */
#ifndef TESTS_LAYOUT_KINDS_H
#define TESTS_LAYOUT_KINDS_H

#include "../layout/drafts.h"

#include "codec/decode.h"
#include "codec/encode.h"
#include "layout/heap.h"
#include "state/json.h"

#define KINDS_HEAP UINT64_C(0x559900000000)

enum kinds_mood {
    MOOD_CALM,
    MOOD_WILD = 7,
    MOOD_LOW = -1
};

struct kinds_point {
    float x, y;
};

struct kinds_node {
    int value;
    struct kinds_node *next;
    struct kinds_point at;
};

struct kinds {
    bool on;
    char letter;
    int8_t i8;
    uint8_t u8;
    int16_t i16;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    __extension__ __int128 i128;
    float f;
    double d;
    long double ld;
    enum kinds_mood mood;
    char name[16];
    uint8_t few[3];
    uint8_t many[64];
    int8_t signs[64];
    int grid[2][3];
    struct kinds_point at, points[3];
    uint32_t bits_low : 5, bits_high : 7;
    int bits_signed : 4;
    union {
        int number;
        float real;
    } any;
    unsigned char opaque[4];
    struct kinds_point *near, *end;
    struct kinds_node *node;
    void (*call)(void);
    const char *text;
    int *counter;
    void *nothing, *foreign;
    int inner; /* of a struct without a name */
};

struct kinds_library { /* as it lies in memory: code, data, text */
    char code[64];
    int speed;
    int calls;
    char pad[56];
    char text[32];
};

/* Types by their numbers in a draft. */
struct kinds_types {
    uint32_t boolean, chr, i8, u8, i16, u32, i32, i64, u64, i128, f, d, ld, mood, point, node,
        state, any, opaque, function;
};

static inline void kinds_scalars(struct draft *draft, struct kinds_types *t)
{
    const struct layout_enumerator moods[] = {
        {draft_string(draft, "MOOD_CALM"), 0, 0},
        {draft_string(draft, "MOOD_WILD"), 0, 7},
        {draft_string(draft, "MOOD_LOW"), 0, (uint64_t)-1},
    };
    struct layout_type mood = {.kind = LAYOUT_ENUM,
                               .flags = LAYOUT_SIGNED,
                               .name = draft_string(draft, "mood"),
                               .count = 3,
                               .target = LAYOUT_NONE,
                               .size = 4,
                               .align = 4};
    struct layout_type chr = {.kind = LAYOUT_CHAR,
                              .flags = LAYOUT_SIGNED,
                              .name = draft_string(draft, "char"),
                              .target = LAYOUT_NONE,
                              .size = 1,
                              .align = 1};
    t->boolean = draft_scalar(draft, LAYOUT_BOOL, "bool", 1);
    t->i8 = draft_scalar(draft, LAYOUT_INT, "signed char", 1);
    t->u8 = draft_scalar(draft, LAYOUT_UINT, "unsigned char", 1);
    t->i16 = draft_scalar(draft, LAYOUT_INT, "short", 2);
    t->u32 = draft_scalar(draft, LAYOUT_UINT, "unsigned int", 4);
    t->i32 = draft_scalar(draft, LAYOUT_INT, "int", 4);
    t->i64 = draft_scalar(draft, LAYOUT_INT, "long", 8);
    t->u64 = draft_scalar(draft, LAYOUT_UINT, "unsigned long", 8);
    t->i128 = draft_scalar(draft, LAYOUT_INT, "__int128", 16);
    t->f = draft_scalar(draft, LAYOUT_FLOAT, "float", 4);
    t->d = draft_scalar(draft, LAYOUT_FLOAT, "double", 8);
    t->ld = draft_scalar(draft, LAYOUT_FLOAT, "long double", 16);
    t->opaque = draft_scalar(draft, LAYOUT_BYTES, "opaque", 4);
    t->function = draft_scalar(draft, LAYOUT_FUNCTION, "", 0);
    t->mood = draft_reserve(draft);
    draft_fill(draft, t->mood, &mood, NULL, moods);
    t->chr = draft_reserve(draft);
    draft_fill(draft, t->chr, &chr, NULL, NULL);
}

static inline void kinds_structs(struct draft *draft, struct kinds_types *t)
{
    const struct layout_field point[] = {draft_field(draft, "x", t->f, 0),
                                         draft_field(draft, "y", t->f, 4)};
    const struct layout_field any[] = {draft_field(draft, "number", t->i32, 0),
                                       draft_field(draft, "real", t->f, 0)};
    t->point = draft_reserve(draft);
    draft_compound(draft, t->point, LAYOUT_STRUCT, "point", sizeof(struct kinds_point), point, 2);
    t->any = draft_reserve(draft);
    draft_compound(draft, t->any, LAYOUT_UNION, "any", 4, any, 2);
    t->node = draft_reserve(draft);
    const struct layout_field node[] = {
        draft_field(draft, "value", t->i32, offsetof(struct kinds_node, value)),
        draft_field(draft, "next", draft_pointer(draft, t->node),
                    offsetof(struct kinds_node, next)),
        draft_field(draft, "at", t->point, offsetof(struct kinds_node, at))};
    draft_compound(draft, t->node, LAYOUT_STRUCT, "node", sizeof(struct kinds_node), node, 3);
}

#define KINDS_FIELD(name, type) draft_field(draft, #name, type, offsetof(struct kinds, name))

static inline struct layout_field kinds_bits(struct draft *draft, const char *name, uint32_t type,
                                             uint32_t bit, uint32_t bits)
{
    uint64_t offset = offsetof(struct kinds, points) + sizeof(struct kinds_point[3]);
    struct layout_field field = draft_field(draft, name, type, offset + bit / 8);
    field.bit = bit % 8;
    field.bits = bits;
    return field;
}

static inline void kinds_state(struct draft *draft, struct kinds_types *t)
{
    uint32_t hidden = draft_reserve(draft);
    const struct layout_field inner = draft_field(draft, "inner", t->i32, 0);
    draft_compound(draft, hidden, LAYOUT_STRUCT, "", 4, &inner, 1);
    uint32_t any_pointer = draft_pointer(draft, draft_scalar(draft, LAYOUT_UNKNOWN, "", 0));
    const struct layout_field fields[] = {
        KINDS_FIELD(on, t->boolean),
        KINDS_FIELD(letter, t->chr),
        KINDS_FIELD(i8, t->i8),
        KINDS_FIELD(u8, t->u8),
        KINDS_FIELD(i16, t->i16),
        KINDS_FIELD(u32, t->u32),
        KINDS_FIELD(i64, t->i64),
        KINDS_FIELD(u64, t->u64),
        KINDS_FIELD(i128, t->i128),
        KINDS_FIELD(f, t->f),
        KINDS_FIELD(d, t->d),
        KINDS_FIELD(ld, t->ld),
        KINDS_FIELD(mood, t->mood),
        KINDS_FIELD(name, draft_array(draft, t->chr, 16)),
        KINDS_FIELD(few, draft_array(draft, t->u8, 3)),
        KINDS_FIELD(many, draft_array(draft, t->u8, 64)),
        KINDS_FIELD(signs, draft_array(draft, t->i8, 64)),
        KINDS_FIELD(grid, draft_array(draft, draft_array(draft, t->i32, 3), 2)),
        KINDS_FIELD(at, t->point),
        KINDS_FIELD(points, draft_array(draft, t->point, 3)),
        kinds_bits(draft, "bits_low", t->u32, 0, 5),
        kinds_bits(draft, "bits_high", t->u32, 5, 7),
        kinds_bits(draft, "bits_signed", t->i32, 12, 4),
        KINDS_FIELD(any, t->any),
        KINDS_FIELD(opaque, t->opaque),
        KINDS_FIELD(near, draft_pointer(draft, t->point)),
        KINDS_FIELD(end, draft_pointer(draft, t->point)),
        KINDS_FIELD(node, draft_pointer(draft, t->node)),
        KINDS_FIELD(call, draft_pointer(draft, t->function)),
        KINDS_FIELD(text, draft_pointer(draft, t->chr)),
        KINDS_FIELD(counter, draft_pointer(draft, t->i32)),
        KINDS_FIELD(nothing, any_pointer),
        KINDS_FIELD(foreign, any_pointer),
        {.name = draft_string(draft, ""),
         .type = hidden,
         .old_name = LAYOUT_NONE,
         .flags = LAYOUT_MEMBERS,
         .offset = offsetof(struct kinds, inner)}};
    t->state = draft_reserve(draft);
    draft_compound(draft, t->state, LAYOUT_STRUCT, "kinds", sizeof(struct kinds), fields,
                   sizeof fields / sizeof fields[0]);
}

static inline void kinds_module(struct draft *draft, const struct kinds_types *t)
{
    uint64_t speed = offsetof(struct kinds_library, speed);
    struct layout_variable variables[] = {{.file = draft_string(draft, "src/game.c"),
                                           .function = draft_string(draft, ""),
                                           .name = draft_string(draft, "speed"),
                                           .type = t->i32,
                                           .flags = LAYOUT_CARRIED,
                                           .reason = draft_string(draft, ""),
                                           .address = speed},
                                          {.file = draft_string(draft, "src/game.c"),
                                           .function = draft_string(draft, "step"),
                                           .name = draft_string(draft, "calls"),
                                           .type = t->i32,
                                           .flags = LAYOUT_CARRIED,
                                           .reason = draft_string(draft, ""),
                                           .address = speed + 4}};
    struct layout_symbol symbols[] = {{.name = draft_string(draft, "advance"),
                                       .file = draft_string(draft, "game.c"),
                                       .address = 16,
                                       .size = 32,
                                       .function = 1},
                                      {.name = draft_string(draft, "speed"),
                                       .file = draft_string(draft, "game.c"),
                                       .address = speed,
                                       .size = 4},
                                      {.name = draft_string(draft, "calls.0"),
                                       .file = draft_string(draft, "game.c"),
                                       .address = speed + 4,
                                       .size = 4}};
    for (size_t i = 0; i < 2; i++) {
        draft_variable(draft, &variables[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        draft_symbol(draft, &symbols[i]);
    }
    draft_mark(draft, 8, t->node);
}

static inline struct layout *kinds_layout(void)
{
    static const char text[32] = "a literal\0another";
    struct kinds_types t;
    struct draft *draft = draft_create();
    struct text block = {0};
    struct error err;
    const struct draft_library library = {.span = sizeof(struct kinds_library),
                                          .text_address = offsetof(struct kinds_library, text),
                                          .text_size = sizeof text,
                                          .text = text};
    kinds_scalars(draft, &t);
    kinds_structs(draft, &t);
    kinds_state(draft, &t);
    kinds_module(draft, &t);
    struct layout *layout = draft_finish(draft, t.state, &library, &block, &err)
                                ? layout_open(block.data, block.len, &err)
                                : NULL;
    text_finish(&block);
    draft_destroy(draft);
    return layout;
}

static inline void kinds_fill(struct kinds *kinds, struct kinds_library *library,
                              struct kinds_node *node)
{
    memset(kinds, 0, sizeof *kinds);
    kinds->on = true;
    kinds->letter = 'x';
    kinds->i8 = -128;
    kinds->u8 = 255;
    kinds->i16 = -300;
    kinds->u32 = 4000000000U;
    kinds->i64 = INT64_MIN;
    kinds->u64 = UINT64_C(9007199254740992);
    kinds->i128 = -((__extension__(__int128) 1 << 100) + 1);
    kinds->f = 0.1F;
    kinds->d = 1.0 / 3;
    kinds->ld = 1.0L / 3;
    kinds->mood = MOOD_WILD;
    memcpy(kinds->name, "Zo\xc3\xab \"q\"\n", 10);
    memcpy(kinds->few, "\1\2\3", 3);
    memset(kinds->many, 0xab, sizeof kinds->many);
    memset(kinds->signs, 0x80, sizeof kinds->signs);
    for (int i = 0; i < 6; i++) {
        kinds->grid[i / 3][i % 3] = i * 10;
    }
    kinds->at = (struct kinds_point){1.5F, -2};
    kinds->points[1] = (struct kinds_point){3, 4};
    kinds->bits_low = 21;
    kinds->bits_high = 100;
    kinds->bits_signed = -3;
    kinds->any.real = 2.5F;
    memcpy(kinds->opaque, "\xde\xad\xbe\xef", 4);
    kinds->near = &kinds->points[1];
    kinds->end = &kinds->points[3];
    kinds->node = node;
    kinds->call = (void (*)(void))(uintptr_t)(library->code + 16);
    kinds->text = library->text;
    kinds->counter = &library->calls;
    kinds->inner = 42;
    library->speed = 3;
    library->calls = 4;
    memcpy(library->text, "a literal\0another", 18);
}

/* Of a state, library and heap that live in this process. */
static inline struct image kinds_image(const struct layout *layout, struct kinds *kinds,
                                       struct kinds_library *library, struct heap *heap)
{
    struct image image = {.layout = layout,
                          .state = (unsigned char *)kinds,
                          .state_size = sizeof *kinds,
                          .state_address = (uint64_t)(uintptr_t)kinds,
                          .objects = heap,
                          .alive = true};
    image.module_base = (uint64_t)(uintptr_t)library;
    return image;
}

static inline bool kinds_append(void *ctx, const char *text, size_t len)
{
    return text_append(ctx, text, len);
}

/* The JSON of an image, or what is wrong with it. */
static inline const char *kinds_json(const struct image *image, const char *pointer,
                                     struct text *out)
{
    struct error err = {0};
    const struct encode_wanted wanted = {.statics = true, .pointer = pointer};
    text_clear(out);
    if (!encode_image(image, &wanted, kinds_append, out, &err)) {
        text_clear(out);
        (void)text_printf(out, "error %s", err.text);
    } else if (!json_check(text_string(out), out->len, &err)) {
        fail_msg("%s in %s", err.text, text_string(out));
    }
    return text_string(out);
}

#endif
