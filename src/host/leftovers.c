#include "host/leftovers.h"

#include "host/host.h"
#include "host/marking.h"

#include <stdlib.h>

static bool has_objects(const struct generation *generation)
{
    return generation->heap != NULL && heap_count(generation->heap) > 0;
}

void leftovers_note(struct leftovers *leftovers, struct generation *generation)
{
    struct marking marking;
    leftovers_finish(leftovers);
    if (!has_objects(generation)) {
        leftovers->noted = true;
        return;
    }
    if (marking_open(&marking, generation)) {
        size_t count = marking.view.count;
        leftovers->made = calloc(count, sizeof *leftovers->made);
        leftovers->led_to = calloc(count, sizeof *leftovers->led_to);
        leftovers->noted = leftovers->made != NULL && leftovers->led_to != NULL;
        marking_run(&marking);
        for (size_t i = 0; leftovers->noted && i < count; i++) {
            leftovers->made[i] = marking.view.objects[i].offset;
            leftovers->led_to[i] = marking.reached[i] != 0;
        }
        leftovers->count = leftovers->noted ? count : 0;
    }
    marking_close(&marking);
}

static const void *address_of(const struct generation *generation, uint64_t offset)
{
    return (const void *)(uintptr_t)(heap_address(generation->heap) + offset);
}

static void hide_made(const struct leftovers *leftovers, struct generation *generation, bool hidden)
{
    for (size_t i = 0; i < leftovers->count; i++) {
        heap_hide(generation->heap, address_of(generation, leftovers->made[i]), hidden);
    }
}

void leftovers_set_aside(const struct leftovers *leftovers, struct generation *generation)
{
    hide_made(leftovers, generation, true);
}

/* What init made is told from copies: [number in the view] = number in `made`, or its count. */
static size_t *match_made(const struct leftovers *leftovers, const struct heap_view *view)
{
    size_t *made = calloc(view->count + 1, sizeof *made);
    size_t next = 0;
    for (size_t i = 0; made != NULL && i < view->count; i++) {
        uint64_t offset = view->objects[i].offset;
        while (next < leftovers->count && leftovers->made[next] < offset) {
            next++;
        }
        bool is_made = next < leftovers->count && leftovers->made[next] == offset;
        made[i] = is_made ? next : leftovers->count;
    }
    return made;
}

/* The objects that go, by their offsets; [i] = offset, or UINT64_MAX: it stays. */
static uint64_t *find_vain(const struct leftovers *leftovers, struct marking *marking,
                           const size_t *made)
{
    size_t count = marking->view.count;
    uint64_t *vain = calloc(count + 1, sizeof *vain);
    for (size_t i = 0; vain != NULL && i < count; i++) {
        if (made[i] < leftovers->count && !leftovers->led_to[made[i]]) {
            marking_reach(marking, i);
        }
    }
    if (vain != NULL) {
        marking_run(marking);
    }
    for (size_t i = 0; vain != NULL && i < count; i++) {
        vain[i] = marking->reached[i] != 0 ? UINT64_MAX : marking->view.objects[i].offset;
    }
    return vain;
}

void leftovers_free(struct leftovers *leftovers, struct generation *generation)
{
    struct marking marking = {0};
    size_t *made = NULL, count = 0;
    uint64_t *vain = NULL;
    if (leftovers->noted && generation->heap != NULL) {
        hide_made(leftovers, generation, false);
        if (heap_count(generation->heap) > 0 && marking_open(&marking, generation)) {
            made = match_made(leftovers, &marking.view);
            vain = made == NULL ? NULL : find_vain(leftovers, &marking, made);
            count = marking.view.count;
        }
    }
    marking_close(&marking);
    for (size_t i = 0; vain != NULL && i < count; i++) {
        if (vain[i] == UINT64_MAX) {
            continue;
        }
        if (made[i] < leftovers->count) {
            heap_hide(generation->heap, address_of(generation, vain[i]), true);
        } else {
            (void)heap_free(generation->heap, address_of(generation, vain[i]));
        }
    }
    free(made);
    free(vain);
    leftovers_finish(leftovers);
}

void leftovers_finish(struct leftovers *leftovers)
{
    free(leftovers->made);
    free(leftovers->led_to);
    *leftovers = (struct leftovers){0};
}
