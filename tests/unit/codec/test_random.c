#include "../layout/random_types.h"
#include "../moves/scene.h"

#include "codec/decode.h"
#include "codec/encode.h"
#include "state/json.h"

#include <math.h>

/* Random structs and changes of them: what goes by JSON arrives as what is moved. */

/* ---- values ---- */

static void fill(struct random *random, const struct shape_type *type, unsigned char *bytes)
{
    static const double reals[] = {0,     1,   -1,  0.5,  1e10, -1e6,    0.1,
                                   1e300, 255, 256, 3.99, NAN,  INFINITY};
    uint64_t raw = random_chance(random, 50) ? random_next(random)
                                             : (uint64_t)(int64_t)(random_below(random, 600) - 300);
    double number = reals[random_below(random, sizeof reals / sizeof reals[0])];
    float narrow = (float)number;
    if (random_chance(random, 50)) { /* any, of which a text has the shortest digits alone */
        memcpy(&number, &raw, sizeof number);
        memcpy(&narrow, &raw, sizeof narrow);
    }
    switch (type->shape) {
    case SHAPE_FLOAT:
        memcpy(bytes, type->size == 8 ? (const void *)&number : &narrow, type->size);
        break;
    case SHAPE_BOOL:
        *bytes = (unsigned char)(raw & 1);
        break;
    case SHAPE_ENUM:
    case SHAPE_INT:
        memcpy(bytes, &raw, type->size);
        break;
    case SHAPE_POINTER: /* nowhere, of which the one side believes nothing */
        memset(bytes, 0, type->size);
        break;
    case SHAPE_TEXT:
        memset(bytes, 0, type->count);
        memset(bytes, 'a', random_below(random, (unsigned)type->count + 1));
        break;
    case SHAPE_ARRAY:
    case SHAPE_STRUCT:
        fill_parts(random, type, bytes, fill);
        break;
    case SHAPE_UNION:
        for (uint64_t i = 0; i < type->size; i++) {
            bytes[i] = (unsigned char)random_next(random);
        }
    }
}

/* ---- the comparison ---- */

static bool append(void *ctx, const char *text, size_t len)
{
    return text_append(ctx, text, len);
}

static void write_json(const struct image *image, bool exact, struct text *out)
{
    struct error err;
    const struct encode_wanted wanted = {.statics = true, .exact = exact};
    text_clear(out);
    if (!encode_image(image, &wanted, append, out, &err) ||
        !json_check(text_string(out), out->len, &err)) {
        fail_msg("%s", err.text);
    }
}

static void read_json(const struct text *json, bool strict, const struct target *target,
                      struct findings *findings)
{
    struct error err;
    const struct decode_given given = {.objects = true, .strict = strict};
    if (!decode_state(json->data, json->len, &given, target, findings, &err)) {
        fail_msg("%s", err.text);
    }
}

static struct image image_of(const struct layout *layout, unsigned char *bytes)
{
    return (struct image){.layout = layout,
                          .state = bytes,
                          .state_size = layout_state(layout)->size,
                          .state_address = (uint64_t)(uintptr_t)bytes};
}

/* The same layout: all comes back, transient fields by an edit alone. */
static void check_round(const struct layout *layout, unsigned char *bytes, uint64_t seed)
{
    struct text once = {0}, twice = {0};
    struct findings findings = {0};
    unsigned char *other = scene_bytes(layout);
    struct image from = image_of(layout, bytes), to = image_of(layout, other);
    const struct target target = {.layout = layout, .state = other};
    write_json(&from, true, &once);
    read_json(&once, true, &target, &findings);
    write_json(&to, true, &twice);
    if (strcmp(text_string(&once), text_string(&twice)) != 0 || findings.count[FINDING_LOST] > 0) {
        fail_msg("seed %llu: %s came back as %s", (unsigned long long)seed, text_string(&once),
                 text_string(&twice));
    }
    text_finish(&once);
    text_finish(&twice);
    findings_finish(&findings);
    free(other);
}

static void check_one(uint64_t seed)
{
    struct random random = {.seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1, .unions = true};
    struct shape_type *from = random_type(&random, DEPTH_MOST);
    while (from->shape != SHAPE_STRUCT && !random_chance(&random, 2)) {
        from = random_type(&random, DEPTH_MOST);
    }
    struct shape_type *to = random_change(&random, from, DEPTH_MOST);
    struct layout *old_layout = layout_of(from), *new_layout = layout_of(to);
    struct scene scene;
    struct text json = {0}, moved = {0}, read = {0};
    struct findings findings = {0};
    scene_start_with(&scene, old_layout, new_layout);
    assert_non_null(scene.plan);
    fill(&random, from, scene.old);
    check_round(old_layout, scene.old, seed);
    unsigned char *other = scene_bytes(new_layout); /* defaults are zero, as grown text is */
    struct image image = image_of(new_layout, other);
    const struct target target = {.layout = new_layout, .state = other};
    write_json(&scene.image, true, &json);
    read_json(&json, false, &target, &findings);
    scene_move(&scene);
    write_json(&image, false, &read);
    struct image by_move = image_of(new_layout, scene.fresh);
    write_json(&by_move, false, &moved);
    if (strcmp(text_string(&moved), text_string(&read)) != 0) {
        fail_msg("seed %llu: %s became %s by moves, %s by JSON", (unsigned long long)seed,
                 text_string(&json), text_string(&moved), text_string(&read));
    }
    findings_finish(&findings);
    text_finish(&json);
    text_finish(&moved);
    text_finish(&read);
    free(other);
    scene_end(&scene);
    random_free(&random);
}

static void random_structs_become_by_json_what_they_become_by_moves(void **state)
{
    (void)state;
    random_check(check_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_structs_become_by_json_what_they_become_by_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
