/* The module of the rows about heap objects. The messages "many" and "pairs" have them made and
 * freed by hotrun_alloc and by calloc, and tell the ns that one takes of each. */
#define _GNU_SOURCE
#include "sheet.h"

#include <hotrun/hotrun.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS 100000U

struct object {
    struct object *next;
    long values[5];
};

static struct object *objects[OBJECTS];

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    (void)host;
    (void)memory;
    (void)now;
    return HOTRUN_OK;
}

static struct object *make(const hotrun_host *host, int ours)
{
    return ours ? hotrun_alloc(host, struct object, 1) : calloc(1, sizeof(struct object));
}

static void drop(const hotrun_host *host, int ours, struct object *object)
{
    if (ours)
        hotrun_free(host, object);
    else
        free(object);
}

/* As many at once, made in order and freed in another one. */
static uint64_t many(const hotrun_host *host, int ours)
{
    uint64_t begun = sheet_clock();
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = make(host, ours);
        if (!objects[i])
            abort();
        objects[i]->values[0] = (long)i;
    }
    for (size_t i = 0; i < OBJECTS; i++)
        drop(host, ours, objects[i * 7919 % OBJECTS]);
    return sheet_clock() - begun;
}

/* One at a time, beside many that stay. */
static uint64_t pairs(const hotrun_host *host, int ours)
{
    uint64_t begun = sheet_clock();
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[0] = make(host, ours);
        objects[0]->values[0] = (long)i;
        drop(host, ours, objects[0]);
    }
    return sheet_clock() - begun;
}

static hotrun_status on_event(const hotrun_host *host, void *memory, const hotrun_event *event)
{
    (void)memory;
    if (event->type != HOTRUN_EVENT_MESSAGE)
        return HOTRUN_OK;
    uint64_t (*work)(const hotrun_host *, int) = strcmp(event->name, "many") == 0 ? many : pairs;
    uint64_t ours = work(host, 1);
    uint64_t theirs = work(host, 0);
    return hotrun_writef(event->reply, "[%.1f,%.1f]", (double)ours / OBJECTS,
                         (double)theirs / OBJECTS);
}

HOTRUN_MODULE(char, .name = "objects", .step = step, .on_event = on_event);
