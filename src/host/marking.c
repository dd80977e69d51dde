#include "host/marking.h"

#include "host/host.h"
#include "host/reach.h"
#include "host/views.h"

#include <stdlib.h>
#include <string.h>

#define WORD sizeof(uint64_t)
#define LARGE                                                                                      \
    ((uint64_t)64 << 10) /* bytes of an object that is read only if it may have pointers */

bool marking_open(struct marking *marking, struct generation *generation)
{
    *marking = (struct marking){.generation = generation,
                                .step = reach_is_aligned(generation->layout) ? WORD : 1};
    if (!heap_look(&marking->view, generation->heap)) {
        return false;
    }
    marking->reached = calloc(marking->view.count + 1, 1);
    marking->waiting = calloc(marking->view.count + 1, sizeof *marking->waiting);
    return marking->reached != NULL && marking->waiting != NULL;
}

void marking_close(struct marking *marking)
{
    heap_close(&marking->view);
    free(marking->reached);
    free(marking->waiting);
    *marking = (struct marking){0};
}

void marking_reach(struct marking *marking, size_t i)
{
    if (marking->reached[i] == 0) {
        marking->reached[i] = 1;
        marking->waiting[marking->waiting_count++] = i;
    }
}

/* The end of an array may be where the next object begins: both are led to. */
static void reach_at(struct marking *marking, uint64_t address)
{
    const struct layout *layout = marking->generation->layout;
    const struct heap_view *view = &marking->view;
    const struct heap_object *object = heap_find(view, address);
    if (object == NULL) {
        return;
    }
    size_t i = (size_t)(object - view->objects);
    marking_reach(marking, i);
    if (i > 0 && address - view->address == object->offset) {
        const struct heap_object *before = object - 1;
        if (before->offset + before->size * before->count == object->offset &&
            before->type < layout->head->types && reach_ends_in_array(layout, before->type)) {
            marking_reach(marking, i - 1);
        }
    }
}

/* `bytes` is at a multiple of 8. A module that has a sanitizer has bytes between its variables that
 * may not be read, by its own code. */
__attribute__((no_sanitize("address"))) static void
mark_bytes(struct marking *marking, const unsigned char *bytes, uint64_t size)
{
    const struct heap_view *view = &marking->view;
    for (uint64_t at = 0; at + WORD <= size; at += marking->step) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        if (word - view->address <= view->size) {
            reach_at(marking, word);
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
        /* An address may stand across both ends. */
        start = (start > at ? start : at) / WORD * WORD;
        start -= marking->step < WORD && start > 0 ? WORD : 0;
        uint64_t past = end + (marking->step < WORD ? WORD : 0);
        past = past < image.state_size ? past : image.state_size;
        mark_bytes(marking, image.state + start, past - start);
    }
}

static void mark_data(void *ctx, const void *bytes, size_t size)
{
    mark_bytes(ctx, bytes, size);
}

static bool may_lead_on(const struct marking *marking, const struct heap_object *object)
{
    const struct layout *layout = marking->generation->layout;
    return object->size * object->count < LARGE || object->type >= layout->head->types ||
           reach_may_lead(layout, object->type);
}

void marking_run(struct marking *marking)
{
    mark_state(marking);
    library_each_data(marking->generation->library, mark_data, marking);
    while (marking->waiting_count > 0) {
        const struct heap_object *object =
            &marking->view.objects[marking->waiting[--marking->waiting_count]];
        if (may_lead_on(marking, object)) {
            mark_bytes(marking, heap_bytes_of(&marking->view, object),
                       object->size * object->count);
        }
    }
}
