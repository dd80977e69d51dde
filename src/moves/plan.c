#include "moves/plan.h"

#include "layout/roster.h"
#include "moves/plan_tell.h"
#include "moves/run.h"

#include <stdlib.h>

/* ---- life ---- */

static bool refuse_exact(const struct plan *plan, uint32_t pair, const char *name,
                         struct error *err)
{
    return (plan->pairs->list[pair].flags & PAIR_EXACT) == 0 ||
           plan_refuse_exact(plan, pair, name, err);
}

/* Types that heap objects can have. */
static bool check_marks(const struct plan *plan, struct error *err)
{
    for (uint32_t i = 0; i < plan->from->head->marks; i++) {
        uint32_t old = plan->from->marks[i].type, fresh = twins_find(plan->twins, old);
        if (fresh == LAYOUT_NONE) {
            continue;
        }
        uint32_t pair = pairs_find(plan->pairs, old, fresh, err);
        if (pair == LAYOUT_NONE ||
            !refuse_exact(plan, pair, layout_string(plan->to, plan->to->types[fresh].name), err)) {
            return false;
        }
    }
    return true;
}

static struct plan *create(const struct layout *from, const struct layout *to, bool whole,
                           struct error *err)
{
    struct plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL) {
        goto no_memory;
    }
    plan->from = from;
    plan->to = to;
    plan->pairs = calloc(1, sizeof *plan->pairs);
    plan->pointees = calloc(1, sizeof *plan->pointees);
    plan->twins = twins_create(from, to);
    if (plan->pairs == NULL || plan->pointees == NULL || plan->twins == NULL ||
        !pairs_create(plan->pairs, from, to) || !pairs_create(plan->pointees, from, to)) {
        goto no_memory;
    }
    plan->pairs->whole = plan->pointees->whole = whole;
    plan->state = pairs_find(plan->pairs, 0, 0, err);
    if (plan->state == LAYOUT_NONE || !refuse_exact(plan, plan->state, "", err) ||
        !check_marks(plan, err)) {
        plan_destroy(plan);
        return NULL;
    }
    return plan;
no_memory:
    plan_destroy(plan);
    (void)error_set(err, ERROR_SYSTEM, "no memory for comparing two layouts");
    return NULL;
}

struct plan *plan_create(const struct layout *from, const struct layout *to, struct error *err)
{
    return create(from, to, false, err);
}

struct plan *plan_create_whole(const struct layout *from, const struct layout *to,
                               struct error *err)
{
    return create(from, to, true, err);
}

void plan_destroy(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    if (plan->pairs != NULL) {
        pairs_finish(plan->pairs);
    }
    if (plan->pointees != NULL) {
        pairs_finish(plan->pointees);
    }
    free(plan->pairs);
    free(plan->pointees);
    twins_destroy(plan->twins);
    free(plan);
}

/* ---- what stays ---- */

bool plan_keeps_state(const struct plan *plan)
{
    return pair_stays(&plan->pairs->list[plan->state]);
}

static bool object_stays(const struct plan *plan, const struct heap_object *object)
{
    uint32_t type = object->type;
    if (type >= plan->from->head->types) {
        type = object->mark == 0 ? LAYOUT_NONE : layout_mark_at(plan->from, object->mark);
    }
    uint32_t twin = type == LAYOUT_NONE ? LAYOUT_NONE : twins_find(plan->twins, type);
    if (twin == LAYOUT_NONE || plan->from->types[type].size != object->size) {
        return true; /* bytes */
    }
    uint32_t pair = pairs_find(plan->pairs, type, twin, NULL);
    return pair != LAYOUT_NONE && pair_stays(&plan->pairs->list[pair]);
}

bool plan_keeps_heap(const struct plan *plan, const struct image *image)
{
    struct heap_view view;
    bool stays = image_objects(image, &view, NULL);
    for (size_t i = 0; stays && i < view.count; i++) {
        stays = object_stays(plan, &view.objects[i]);
    }
    heap_close(&view);
    return stays;
}

const uint32_t *plan_types(const struct plan *plan, size_t *count)
{
    *count = plan->from->head->types;
    return twins_all(plan->twins);
}

/* ---- moving ---- */

static bool start(struct run *run)
{
    const struct plan *plan = run->plan;
    run->texts.target = run->target;
    run->symbols = calloc((size_t)plan->from->head->symbols + 1, sizeof *run->symbols);
    if (run->image->state_size != layout_state(plan->from)->size) {
        return error_set(run->err, ERROR_FORMAT,
                         "the state has %llu bytes, and its layout is of %llu",
                         (unsigned long long)run->image->state_size,
                         (unsigned long long)layout_state(plan->from)->size);
    }
    return run_stretches_open(run) && image_objects(run->image, &run->heap, run->err) &&
           (run->target->only_variables || run_heap_prepare(run)) && run_variables_prepare(run);
}

static void move_state(struct run *run)
{
    run->in_place = run->state_stays;
    run->root = (struct root){0, 1, run->target->state, ""};
    run_values(run, run->plan->state, run->image->state, run->target->state, 1,
               layout_state(run->plan->from)->size, layout_state(run->plan->to)->size);
}

static void finish(struct run *run)
{
    run_stretches_close(run);
    heap_close(&run->heap);
    free(run->objects);
    free(run->object_pairs);
    free(run->variables);
    free(run->variable_pairs);
    free(run->symbols);
    texts_finish(&run->texts);
    roster_destroy(run->roster);
    roster_destroy(run->old_roster);
}

static bool run_all(struct run *run)
{
    bool ok = start(run);
    if (ok && !run->target->only_variables) {
        move_state(run);
        run_heap_move(run);
    }
    if (ok) {
        run_variables_move(run);
    }
    finish(run);
    return ok;
}

bool plan_move(const struct plan *plan, const struct image *image, const struct target *target,
               struct findings *findings, struct error *err)
{
    struct run run = {
        .plan = plan, .image = image, .target = target, .findings = findings, .err = err};
    return run_all(&run);
}

bool plan_rebind(const struct plan *plan, const struct image *image, const struct target *target,
                 struct findings *findings, struct error *err)
{
    struct run run = {.plan = plan,
                      .image = image,
                      .target = target,
                      .findings = findings,
                      .err = err,
                      .state_stays = true,
                      .heap_stays = true};
    return run_all(&run);
}
