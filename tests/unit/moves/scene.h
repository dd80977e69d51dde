/* A state of one layout on its way into another. */
#ifndef TESTS_LAYOUT_SCENE_H
#define TESTS_LAYOUT_SCENE_H

#include "../layout/sketch.h"

#include "layout/heap.h"
#include "moves/plan.h"

struct scene {
    struct layout *from, *to;
    struct plan *plan;
    unsigned char *old, *fresh; /* states, without a byte behind them */
    struct image image;
    struct target target;
    struct findings findings;
    struct error err;
};

static inline unsigned char *scene_bytes(const struct layout *layout)
{
    size_t size = (size_t)layout_state(layout)->size;
    unsigned char *bytes = calloc(1, size > 0 ? size : 1);
    assert_non_null(bytes);
    return bytes;
}

/* Takes both layouts. */
static inline void scene_start_with(struct scene *scene, struct layout *from, struct layout *to)
{
    *scene = (struct scene){.from = from, .to = to};
    scene->plan = plan_create(from, to, &scene->err);
    scene->old = scene_bytes(from);
    scene->fresh = scene_bytes(to);
    scene->image = (struct image){.layout = from,
                                  .state = scene->old,
                                  .state_size = layout_state(from)->size,
                                  .state_address = (uint64_t)(uintptr_t)scene->old,
                                  .alive = true};
    scene->target = (struct target){.layout = to, .state = scene->fresh};
}

static inline void scene_start(struct scene *scene, const char *from, const char *to)
{
    scene_start_with(scene, sketch_layout(from), sketch_layout(to));
    assert_non_null(scene->plan);
}

static inline void scene_end(struct scene *scene)
{
    plan_destroy(scene->plan);
    findings_finish(&scene->findings);
    layout_drop(&scene->from);
    layout_drop(&scene->to);
    free(scene->old);
    free(scene->fresh);
}

static inline void scene_move(struct scene *scene)
{
    plan_tell(scene->plan, &scene->findings);
    if (!plan_move(scene->plan, &scene->image, &scene->target, &scene->findings, &scene->err)) {
        fail_msg("%s", scene->err.text);
    }
}

static inline void scene_set(struct scene *scene, const char *path, double number)
{
    sketch_set(scene->from, scene->old, path, number);
}

static inline void scene_default(struct scene *scene, const char *path, double number)
{
    sketch_set(scene->to, scene->fresh, path, number);
}

static inline void scene_expect(struct scene *scene, const char *path, double number)
{
    double is = sketch_get(scene->to, scene->fresh, path);
    if (!(is == number)) {
        fail_msg("%s is %g, not %g", path, is, number);
    }
}

static inline void *scene_old_at(struct scene *scene, const char *path)
{
    return sketch_at(scene->from, scene->old, path);
}

static inline void *scene_fresh_at(struct scene *scene, const char *path)
{
    return sketch_at(scene->to, scene->fresh, path);
}

static inline void scene_point(struct scene *scene, const char *path, const void *to)
{
    memcpy(scene_old_at(scene, path), &to, sizeof to);
}

static inline void *scene_pointer(struct scene *scene, const char *path)
{
    void *to;
    memcpy(&to, scene_fresh_at(scene, path), sizeof to);
    return to;
}

/* All entries of a kind, with "; " between two. */
static inline void scene_told(struct scene *scene, enum finding kind, const char *expected)
{
    const struct text *list = &scene->findings.list[kind];
    struct text all = {0};
    for (size_t i = 0; i < list->len; i++) {
        (void)(list->data[i] == '\0' ? text_puts(&all, "; ")
                                     : text_append(&all, &list->data[i], 1));
    }
    assert_string_equal(text_string(&all), expected);
    text_finish(&all);
}

#endif
