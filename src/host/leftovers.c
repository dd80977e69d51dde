#include "host/leftovers.h"

#include "host/host.h"
#include "host/reach.h"
#include "host/views.h"
#include "layout/heap.h"

#include <stdlib.h>
#include <string.h>

#define LARGE                                                                                      \
    ((uint64_t)64 << 10) /* bytes of an object that is read only if it may have pointers */

struct marking {
    struct generation *generation;
    struct heap_view view;
    unsigned char *reached; /* one for each object */
    size_t *waiting;        /* numbers of those that were not read so far */
    size_t waiting_count;
};

/* ---- marking ---- */

static void reach(struct marking *marking, size_t i)
{
    if (marking->reached[i] == 0) {
        marking->reached[i] = 1;
        marking->waiting[marking->waiting_count++] = i;
    }
}

/* All objects that a word in `bytes` may lead to: it begins at a multiple of 8. A module that has
 * a sanitizer has bytes between its variables that may not be read, by its own code. */
__attribute__((no_sanitize("address"))) static void
mark_bytes(struct marking *marking, const unsigned char *bytes, uint64_t size)
{
    const struct heap_view *view = &marking->view;
    for (uint64_t at = 0; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        if (word - view->address <= view->size) {
            const struct heap_object *object = heap_find(view, word);
            if (object != NULL) {
                reach(marking, (size_t)(object - view->objects));
            }
        }
    }
}

/* Reading a hole of a file in memory fills it. */
static void mark_state(struct marking *marking)
{
    struct image image = views_image(marking->generation);
    uint64_t start = 0, end = image.state_size;
    if (image.data == NULL) {
        mark_bytes(marking, image.state, image.state_size);
        return;
    }
    for (uint64_t at = 0; at < image.state_size && image.data(image.data_ctx, at, &start, &end) &&
                          end > at && start < image.state_size;
         at = end) {
        start = (start > at ? start : at) / sizeof(uint64_t) * sizeof(uint64_t);
        end = end < image.state_size ? end : image.state_size;
        mark_bytes(marking, image.state + start, end - start);
    }
}

static void mark_data(void *ctx, const void *bytes, size_t size)
{
    mark_bytes(ctx, bytes, size);
}

static bool may_lead_on(const struct marking *marking, const struct heap_object *object)
{
    const struct layout *layout = marking->generation->layout;
    bool known = layout != NULL && object->type < layout->head->types;
    return object->size * object->count < LARGE || !known || reach_may_lead(layout, object->type);
}

static void mark_waiting(struct marking *marking)
{
    while (marking->waiting_count > 0) {
        const struct heap_object *object =
            &marking->view.objects[marking->waiting[--marking->waiting_count]];
        if (may_lead_on(marking, object)) {
            mark_bytes(marking, marking->view.bytes + object->offset, object->size * object->count);
        }
    }
}

/* False: no memory, or no objects. */
static bool begin(struct marking *marking, struct generation *generation)
{
    *marking = (struct marking){.generation = generation};
    if (generation->heap == NULL || heap_count(generation->heap) == 0 ||
        !heap_look(&marking->view, generation->heap)) {
        return false;
    }
    marking->reached = calloc(marking->view.count, 1);
    marking->waiting = calloc(marking->view.count, sizeof *marking->waiting);
    return marking->reached != NULL && marking->waiting != NULL;
}

static void mark(struct marking *marking)
{
    mark_state(marking);
    library_each_data(marking->generation->library, mark_data, marking);
    mark_waiting(marking);
}

static void finish(struct marking *marking)
{
    heap_close(&marking->view);
    free(marking->reached);
    free(marking->waiting);
}

/* ---- leftovers ---- */

void leftovers_note(struct leftovers *leftovers, struct generation *generation)
{
    struct marking marking;
    leftovers_finish(leftovers);
    if (begin(&marking, generation)) {
        mark(&marking);
        leftovers->offsets = calloc(marking.view.count, sizeof *leftovers->offsets);
        for (size_t i = 0; leftovers->offsets != NULL && i < marking.view.count; i++) {
            if (marking.reached[i] != 0) {
                leftovers->offsets[leftovers->count++] = marking.view.objects[i].offset;
            }
        }
    }
    finish(&marking);
}

/* What init did not make stays, and so does what it leads to. */
static void reach_others(struct marking *marking, const struct leftovers *leftovers)
{
    size_t next = 0;
    for (size_t i = 0; i < marking->view.count; i++) {
        uint64_t offset = marking->view.objects[i].offset;
        while (next < leftovers->count && leftovers->offsets[next] < offset) {
            next++;
        }
        if (next == leftovers->count || leftovers->offsets[next] != offset) {
            reach(marking, i);
        }
    }
}

void leftovers_free(struct leftovers *leftovers, struct generation *generation)
{
    struct marking marking = {0};
    size_t count = 0;
    if (leftovers->count > 0 && begin(&marking, generation)) {
        reach_others(&marking, leftovers);
        mark(&marking);
        for (size_t i = 0; i < marking.view.count; i++) {
            if (marking.reached[i] == 0) {
                leftovers->offsets[count++] = marking.view.objects[i].offset;
            }
        }
    }
    finish(&marking);
    for (size_t i = 0; i < count; i++) {
        uint64_t address = heap_address(generation->heap) + leftovers->offsets[i];
        (void)heap_free(generation->heap, (const void *)(uintptr_t)address);
    }
    leftovers_finish(leftovers);
}

void leftovers_finish(struct leftovers *leftovers)
{
    free(leftovers->offsets);
    *leftovers = (struct leftovers){0};
}
