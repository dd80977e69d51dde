#include "../layout/random_types.h"
#include "scene.h"

#include <math.h>

/* A second, slow reading of the rules, of which nothing is shared with the plan's code. */

struct model {
    unsigned lost;
};

__extension__ typedef __int128 wide;

/* ---- scalars ---- */

struct scalar {
    bool real;
    wide whole;
    double number;
};

static uint64_t take_bits(const unsigned char *bytes, uint32_t bit, uint32_t bits)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bits; i++) {
        value |= (uint64_t)(bytes[(bit + i) / 8] >> ((bit + i) % 8) & 1) << i;
    }
    return value;
}

static bool is_scalar(const struct shape_type *type)
{
    return type->shape <= SHAPE_ENUM;
}

static struct scalar read_scalar(const struct shape_type *type, const unsigned char *bytes,
                                 uint32_t bit, uint32_t bits)
{
    struct scalar scalar = {.real = type->shape == SHAPE_FLOAT};
    if (scalar.real) {
        float narrow;
        memcpy(&narrow, bytes, sizeof narrow);
        scalar.number = (double)narrow;
        if (type->size == 8) {
            memcpy(&scalar.number, bytes, 8);
        }
        return scalar;
    }
    uint32_t width = bits == 0 ? (uint32_t)type->size * 8 : bits;
    uint64_t raw = take_bits(bytes, bits == 0 ? 0 : bit, width);
    scalar.whole = raw;
    if (type->is_signed && type->shape != SHAPE_BOOL && raw >> (width - 1) != 0) {
        scalar.whole -= (wide)1 << width;
    }
    if (type->shape == SHAPE_BOOL) {
        scalar.whole = raw != 0;
    }
    return scalar;
}

/* Whether what is stored is the same number. */
static bool write_real(struct scalar scalar, const struct shape_type *type, unsigned char *bytes)
{
    long double wanted = scalar.real ? (long double)scalar.number : (long double)scalar.whole;
    if (type->size == 8) {
        double number = scalar.real ? scalar.number : (double)scalar.whole;
        memcpy(bytes, &number, 8);
        return isnan(scalar.number) || (long double)number == wanted;
    }
    float number = scalar.real ? (float)scalar.number : (float)scalar.whole;
    if (scalar.real && isfinite(scalar.number) && isinf(number)) {
        number = number > 0 ? 0x1.fffffep127F : -0x1.fffffep127F;
    }
    memcpy(bytes, &number, 4);
    return isnan(scalar.number) || (long double)number == wanted;
}

static bool write_scalar(struct scalar scalar, const struct shape_type *type, unsigned char *bytes,
                         uint32_t bit, uint32_t bits)
{
    if (type->shape == SHAPE_FLOAT) {
        return write_real(scalar, type, bytes);
    }
    uint32_t width = bits == 0 ? (uint32_t)type->size * 8 : bits;
    wide low = 0, high = ((wide)1 << width) - 1, whole = scalar.whole;
    bool exact = true;
    if (type->shape == SHAPE_BOOL) {
        bool truth = scalar.real ? scalar.number != 0 : whole != 0;
        exact = scalar.real ? scalar.number == (double)truth : whole == truth;
        put_bits(bytes, bit, width, truth);
        return exact;
    }
    if (type->is_signed) {
        low = -((wide)1 << (width - 1));
        high = -low - 1;
    }
    if (scalar.real) {
        whole = isnan(scalar.number)    ? 0
                : scalar.number > 1e25  ? (wide)1 << 90
                : scalar.number < -1e25 ? -((wide)1 << 90)
                                        : (wide)scalar.number;
        exact = !isnan(scalar.number) && (double)whole == scalar.number;
    }
    wide stored = whole < low ? low : whole > high ? high : whole;
    put_bits(bytes, bits == 0 ? 0 : bit, width, (uint64_t)stored);
    return exact && stored == whole;
}

static int word_of(const struct shape_type *type, wide number)
{
    for (int i = 0; i < WORDS_MOST; i++) {
        if (type->words[i] >= 0 && type->words[i] == number) {
            return i;
        }
    }
    return -1;
}

static void move_scalar(struct model *model, const struct shape_type *from,
                        const unsigned char *old, uint32_t from_bit, uint32_t from_bits,
                        const struct shape_type *to, unsigned char *fresh, uint32_t to_bit,
                        uint32_t to_bits)
{
    struct scalar scalar = read_scalar(from, old, from_bit, from_bits);
    bool lost = false;
    if (from->shape == SHAPE_ENUM && to->shape == SHAPE_ENUM) {
        int word = word_of(from, scalar.whole);
        lost = word >= 0 && to->words[word] < 0;
        scalar.whole = word >= 0 && !lost ? to->words[word] : scalar.whole;
    }
    lost = !write_scalar(scalar, to, fresh, to_bit, to_bits) || lost;
    model->lost += lost;
}

/* ---- all of them ---- */

static bool is_list(const struct shape_type *type)
{
    return type->shape == SHAPE_TEXT || type->shape == SHAPE_ARRAY;
}

static bool is_byte_list(const struct shape_type *type)
{
    return type->shape == SHAPE_TEXT ||
           (type->shape == SHAPE_ARRAY && type->element->shape == SHAPE_INT &&
            type->element->size == 1);
}

static const struct shape_type one_char = {.shape = SHAPE_INT, .size = 1};

static const struct shape_type *element_of(const struct shape_type *type)
{
    return type->shape == SHAPE_TEXT ? &one_char : type->element;
}

static bool is_possible(const struct shape_type *from, const struct shape_type *to)
{
    if (is_list(from) && is_list(to)) {
        return (is_byte_list(from) && is_byte_list(to)) ||
               is_possible(element_of(from), element_of(to));
    }
    if (is_list(from) && from->count == 1) {
        return is_possible(element_of(from), to);
    }
    if (is_list(to) && to->count == 1) {
        return is_possible(from, element_of(to));
    }
    return (is_scalar(from) && is_scalar(to)) ||
           (from->shape == to->shape &&
            (from->shape == SHAPE_POINTER || from->shape == SHAPE_STRUCT));
}

static bool some(const unsigned char *bytes, uint64_t len)
{
    while (len > 0 && bytes[len - 1] == 0) {
        len--;
    }
    return len > 0;
}

static void move(struct model *model, const struct shape_type *from, const unsigned char *old,
                 const struct shape_type *to, unsigned char *fresh);

static void move_text(struct model *model, const struct shape_type *from, const unsigned char *old,
                      const struct shape_type *to, unsigned char *fresh)
{
    uint64_t len = from->count, most = to->count;
    while (len > 0 && old[len - 1] == 0) {
        len--;
    }
    if (len < from->count && len >= most) { /* letters, and a final zero */
        model->lost++;
        len = most - 1;
    } else if (len > most) {
        model->lost++;
        len = most;
    }
    memset(fresh, 0, most);
    memcpy(fresh, old, len);
}

static void move_list(struct model *model, const struct shape_type *from, const unsigned char *old,
                      const struct shape_type *to, unsigned char *fresh)
{
    uint64_t count = from->count < to->count ? from->count : to->count;
    uint64_t step = element_of(from)->size, to_step = element_of(to)->size;
    if (from->shape == SHAPE_TEXT && to->shape == SHAPE_TEXT) {
        move_text(model, from, old, to, fresh);
        return;
    }
    bool bytes = is_byte_list(from) && is_byte_list(to) &&
                 (from->shape == SHAPE_TEXT || to->shape == SHAPE_TEXT);
    for (uint64_t i = 0; i < count; i++) {
        if (bytes) {
            fresh[i] = old[i];
        } else {
            move(model, element_of(from), old + i * step, element_of(to), fresh + i * to_step);
        }
    }
    model->lost += some(old + count * step, (from->count - count) * step);
}

static const struct shape_field *find_field(const struct shape_type *type, const char *name)
{
    for (unsigned i = 0; i < type->field_count && name[0] != '\0'; i++) {
        if (strcmp(type->fields[i].name, name) == 0) {
            return &type->fields[i];
        }
    }
    return NULL;
}

static bool is_taken(const struct shape_field *const *sources, const struct shape_field *field)
{
    for (unsigned i = 0; i < FIELDS_MOST && field != NULL; i++) {
        if (sources[i] == field) {
            return true;
        }
    }
    return field == NULL;
}

/* Renamed fields first, as long as one finds its source, then the rest. */
static void find_sources(const struct shape_type *from, const struct shape_type *to,
                         const struct shape_field *sources[FIELDS_MOST])
{
    bool again = true;
    memset(sources, 0, FIELDS_MOST * sizeof sources[0]);
    while (again) {
        again = false;
        for (unsigned i = 0; i < to->field_count; i++) {
            const struct shape_field *field = &to->fields[i];
            const struct shape_field *was = find_field(from, field->was);
            if (sources[i] == NULL && !is_taken(sources, was) &&
                is_taken(sources, find_field(from, field->name))) {
                sources[i] = was;
                again = true;
            }
        }
    }
    for (unsigned i = 0; i < to->field_count; i++) {
        const struct shape_field *same = find_field(from, to->fields[i].name);
        if (sources[i] == NULL && !is_taken(sources, same)) {
            sources[i] = same;
        }
    }
}

static void move_struct(struct model *model, const struct shape_type *from,
                        const unsigned char *old, const struct shape_type *to, unsigned char *fresh)
{
    const struct shape_field *sources[FIELDS_MOST];
    find_sources(from, to, sources);
    for (unsigned i = 0; i < to->field_count; i++) {
        const struct shape_field *field = &to->fields[i], *source = sources[i];
        if (source == NULL || field->transient) {
            continue;
        }
        if (source->bits == 0 && field->bits == 0) {
            move(model, source->type, old + source->offset, field->type, fresh + field->offset);
        } else if (is_scalar(source->type) && is_scalar(field->type)) {
            move_scalar(model, source->type, old + source->offset, source->bit, source->bits,
                        field->type, fresh + field->offset, field->bit, field->bits);
        }
    }
}

static void move(struct model *model, const struct shape_type *from, const unsigned char *old,
                 const struct shape_type *to, unsigned char *fresh)
{
    if (!is_possible(from, to)) {
        return;
    }
    if (is_list(from) && is_list(to)) {
        move_list(model, from, old, to, fresh);
    } else if (is_list(from)) {
        move(model, element_of(from), old, to, fresh);
    } else if (is_list(to)) {
        move(model, from, old, element_of(to), fresh);
    } else if (is_scalar(from)) {
        move_scalar(model, from, old, 0, 0, to, fresh, 0, 0);
    } else if (from->shape == SHAPE_POINTER) {
        uint64_t address;
        memcpy(&address, old, 8);
        memcpy(fresh, &address, 8); /* all lead elsewhere */
    } else {
        move_struct(model, from, old, to, fresh);
    }
}

/* ---- values ---- */

static void fill(struct random *random, const struct shape_type *type, unsigned char *bytes)
{
    static const double reals[] = {0,     1,   -1,  0.5,  1e10, -1e30,
                                   1e300, 255, 256, 3.99, NAN,  INFINITY};
    uint64_t raw = random_chance(random, 50) ? random_next(random)
                                             : (uint64_t)(int64_t)(random_below(random, 600) - 300);
    switch (type->shape) {
    case SHAPE_FLOAT: {
        double number = reals[random_below(random, sizeof reals / sizeof reals[0])];
        float narrow = (float)number;
        memcpy(bytes, type->size == 8 ? (const void *)&number : &narrow, type->size);
        break;
    }
    case SHAPE_BOOL:
        *bytes = (unsigned char)(raw & 1);
        break;
    case SHAPE_ENUM:
        raw = random_below(random, 8);
        memcpy(bytes, &raw, type->size);
        break;
    case SHAPE_INT:
    case SHAPE_POINTER:
        raw = type->shape == SHAPE_POINTER ? 1 + random_below(random, 4000) : raw;
        memcpy(bytes, &raw, type->size);
        break;
    case SHAPE_TEXT:
        memset(bytes, 0, type->count);
        memset(bytes, 'a', random_below(random, (unsigned)type->count + 1));
        break;
    case SHAPE_ARRAY:
    case SHAPE_STRUCT:
        fill_parts(random, type, bytes, fill);
        break;
    case SHAPE_UNION: /* none is made */
        break;
    }
}

/* Sets the bits that belong to a value. */
static void mask(const struct shape_type *type, unsigned char *bytes)
{
    if (type->shape == SHAPE_ARRAY) {
        for (uint64_t i = 0; i < type->count; i++) {
            mask(type->element, bytes + i * type->element->size);
        }
    } else if (type->shape == SHAPE_STRUCT) {
        for (unsigned i = 0; i < type->field_count; i++) {
            const struct shape_field *field = &type->fields[i];
            if (field->bits == 0) {
                mask(field->type, bytes + field->offset);
            } else {
                put_bits(bytes + field->offset, field->bit, field->bits, UINT64_MAX);
            }
        }
    } else {
        memset(bytes, 0xff, type->size);
    }
}

/* ---- the comparison ---- */

static void check_one(uint64_t seed)
{
    struct random random = {.seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1};
    struct shape_type *from = random_type(&random, DEPTH_MOST);
    while (from->shape != SHAPE_STRUCT && !random_chance(&random, 2)) {
        from = random_type(&random, DEPTH_MOST);
    }
    struct shape_type *to = random_change(&random, from, DEPTH_MOST);
    struct layout *old_layout = layout_of(from), *new_layout = layout_of(to);
    struct scene scene;
    struct model model = {0};
    scene_start_with(&scene, old_layout, new_layout);
    assert_non_null(scene.plan);
    fill(&random, from, scene.old);
    fill(&random, to, scene.fresh);
    unsigned char *expected = calloc(2, to->size), *counts = expected + to->size;
    assert_non_null(expected);
    memcpy(expected, scene.fresh, to->size);
    mask(to, counts);
    move(&model, from, scene.old, to, expected);
    scene_move(&scene);
    for (uint64_t i = 0; i < to->size; i++) {
        if (((expected[i] ^ scene.fresh[i]) & counts[i]) != 0) {
            fail_msg("seed %llu: byte %llu is %02x, not %02x", (unsigned long long)seed,
                     (unsigned long long)i, scene.fresh[i], expected[i]);
        }
        if (plan_keeps_state(scene.plan) && ((expected[i] ^ scene.old[i]) & counts[i]) != 0) {
            fail_msg("seed %llu: does not stay as it is", (unsigned long long)seed);
        }
    }
    size_t lost = scene.findings.count[FINDING_LOST] + scene.findings.count[FINDING_ROUNDED];
    if (lost != model.lost) {
        fail_msg("seed %llu: %zu lost, not %u", (unsigned long long)seed, lost, model.lost);
    }
    free(expected);
    scene_end(&scene);
    random_free(&random);
}

static void random_structs_become_what_a_simple_model_makes_of_them(void **state)
{
    (void)state;
    random_check(check_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_structs_become_what_a_simple_model_makes_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
