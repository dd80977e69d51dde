#include "moves/plan_tell.h"
#include "moves/run.h"

#include <stdlib.h>
#include <string.h>

#define NOT_LOOKED_FOR (LAYOUT_NONE - 1)

static const char *type_name(const struct layout *layout, uint32_t type)
{
    return layout_string(layout, layout->types[type].name);
}

/* The type that an object is known to have; LAYOUT_NONE: none, or one of another size. */
static uint32_t type_of(const struct run *run, const struct heap_object *object)
{
    const struct layout *layout = run->plan->from;
    uint32_t type = object->type;
    if (type >= layout->head->types) {
        type = object->mark == 0 ? LAYOUT_NONE : layout_mark_at(layout, object->mark);
    }
    return type != LAYOUT_NONE && layout->types[type].size == object->size ? type : LAYOUT_NONE;
}

/* The pair for objects of an old type, by way of `pairs`, [old] = pair. False with run->err. */
static bool find_pair(struct run *run, uint32_t type, uint32_t *pairs, uint32_t *pair)
{
    if (pairs[type] == NOT_LOOKED_FOR) {
        uint32_t twin = twins_find(run->plan->twins, type);
        pairs[type] =
            twin == LAYOUT_NONE ? LAYOUT_NONE : pairs_find(run->plan->pairs, type, twin, run->err);
        if (twin != LAYOUT_NONE && pairs[type] == LAYOUT_NONE) {
            return false;
        }
        if (pairs[type] != LAYOUT_NONE && !run->heap_stays) {
            plan_tell_pair(run->plan, pairs[type], type_name(run->plan->to, twin), run->findings);
        }
    }
    *pair = pairs[type];
    return true;
}

/* One that can't become what its type is now has that type's zeros. */
static bool is_bytes(const struct run *run, size_t i)
{
    return run->object_pairs[i] == LAYOUT_NONE;
}

static bool tell_no_room(struct run *run, size_t i, uint64_t size)
{
    struct error why = {.text = "there can be none"};
    uint64_t count = run->heap.objects[i].count;
    if (run->target->heap != NULL) {
        (void)heap_explain(run->target->heap, size, count, &why);
    }
    return error_set(run->err, ERROR_LIMIT,
                     "no room for heap object %zu of %zu, %llu times %llu bytes, beside what init "
                     "made: %s",
                     i, run->heap.count, (unsigned long long)count, (unsigned long long)size,
                     why.text);
}

static bool make_object(struct run *run, size_t i)
{
    const struct heap_object *object = &run->heap.objects[i];
    uint32_t type = LAYOUT_NONE, align = object->align;
    uint64_t size = object->size;
    if (!is_bytes(run, i)) {
        const struct layout *to = run->plan->to;
        type = run->plan->pairs->list[run->object_pairs[i]].to;
        size = to->types[type].size;
        align = to->types[type].align > align ? to->types[type].align : align;
    }
    void *made = run->target->heap == NULL ? NULL
                                           : heap_alloc(run->target->heap, type, 0, (size_t)size,
                                                        (size_t)object->count, align);
    run->objects[i] = (uint64_t)(uintptr_t)made;
    return made != NULL || tell_no_room(run, i, size);
}

static void tell_unknown(struct run *run, const struct heap_object *object, uint32_t type)
{
    uint64_t size = object->size * object->count;
    if (run_names(run, FINDING_KEPT)) {
        findings_add(run->findings, FINDING_KEPT,
                     "a heap object of %llu bytes: %s%s, so its bytes stay as they are",
                     (unsigned long long)size,
                     type == LAYOUT_NONE ? "its type is not known" : "the new library has no ",
                     type == LAYOUT_NONE ? "" : type_name(run->plan->from, type));
    }
}

static bool prepare_object(struct run *run, size_t i, uint32_t *pairs)
{
    const struct heap_object *object = &run->heap.objects[i];
    uint32_t type = type_of(run, object), *pair = &run->object_pairs[i];
    uint64_t whole;
    *pair = LAYOUT_NONE;
    if (object->size == 0 || object->count == 0 ||
        __builtin_mul_overflow(object->size, object->count, &whole) ||
        object->offset > run->heap.size || whole > run->heap.size - object->offset) {
        return error_set(run->err, ERROR_FORMAT, "heap object %zu is damaged", i);
    }
    if (type != LAYOUT_NONE && !find_pair(run, type, pairs, pair)) {
        return false;
    }
    if (*pair != LAYOUT_NONE && run->plan->to->types[run->plan->pairs->list[*pair].to].size == 0) {
        *pair = LAYOUT_NONE;
    }
    if (*pair == LAYOUT_NONE) {
        tell_unknown(run, object, type);
    }
    return run->heap_stays || make_object(run, i);
}

static bool has_exact(struct run *run, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t pair = run->object_pairs[i];
        if (pair != LAYOUT_NONE && (run->plan->pairs->list[pair].flags & PAIR_EXACT) != 0) {
            return !plan_refuse_exact(run->plan, pair,
                                      type_name(run->plan->to, run->plan->pairs->list[pair].to),
                                      run->err);
        }
    }
    return false;
}

bool run_heap_prepare(struct run *run)
{
    size_t count = run->heap.count;
    uint32_t types = run->plan->from->head->types;
    if (count == 0) {
        return true;
    }
    uint32_t *pairs = malloc(types * sizeof *pairs);
    run->objects = calloc(count, sizeof *run->objects);
    run->object_pairs = calloc(count, sizeof *run->object_pairs);
    bool ok = pairs != NULL && run->objects != NULL && run->object_pairs != NULL;
    if (!ok) {
        (void)error_set(run->err, ERROR_SYSTEM, "no memory for moving %zu heap objects", count);
    }
    for (uint32_t i = 0; ok && i < types; i++) {
        pairs[i] = NOT_LOOKED_FOR;
    }
    for (size_t i = 0; ok && i < count; i++) {
        ok = prepare_object(run, i, pairs);
    }
    free(pairs);
    return ok && !has_exact(run, count);
}

void run_heap_move(struct run *run)
{
    run->in_place = run->heap_stays;
    for (size_t i = 0; i < run->heap.count; i++) {
        const struct heap_object *object = &run->heap.objects[i];
        const unsigned char *from = heap_bytes_of(&run->heap, object);
        unsigned char *to = run->heap_stays ? (unsigned char *)(uintptr_t)from
                                            : (unsigned char *)(uintptr_t)run->objects[i];
        if (is_bytes(run, i)) {
            if (!run->heap_stays) {
                memcpy(to, from, (size_t)(object->size * object->count));
            }
            continue;
        }
        const struct pair *pair = &run->plan->pairs->list[run->object_pairs[i]];
        uint64_t step = run->plan->to->types[pair->to].size;
        run->root = (struct root){pair->to, 1, to, type_name(run->plan->to, pair->to)};
        if (!run->heap_stays && pair_is_plain(pair)) {
            memcpy(to, from, (size_t)(object->size * object->count));
            continue;
        }
        for (uint64_t k = 0; k < object->count; k++, from += object->size, to += step) {
            run->root.bytes = to;
            run_value(run, run->object_pairs[i], from, to);
        }
    }
}
