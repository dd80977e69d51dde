#include "inspect/shelf.h"

#include <string.h>

static void drop(struct shelf *shelf, unsigned i)
{
    object_close(shelf->objects[i]);
    shelf->objects[i] = shelf->objects[--shelf->count];
}

static unsigned find(const struct shelf *shelf, const char *path)
{
    unsigned i = 0;
    while (i < shelf->count && strcmp(shelf->objects[i]->path, path) != 0) {
        i++;
    }
    return i;
}

static void make_room(struct shelf *shelf)
{
    unsigned oldest = 0;
    if (shelf->count < SHELF_MOST) {
        return;
    }
    for (unsigned i = 1; i < shelf->count; i++) {
        if (shelf->objects[i]->used < shelf->objects[oldest]->used) {
            oldest = i;
        }
    }
    drop(shelf, oldest);
}

struct object *shelf_take(struct shelf *shelf, const char *path)
{
    unsigned i = find(shelf, path);
    if (i < shelf->count && !object_is_current(shelf->objects[i])) {
        drop(shelf, i);
        i = shelf->count;
    }
    if (i == shelf->count) {
        struct object *fresh = object_open(path);
        if (fresh == NULL) {
            return NULL;
        }
        make_room(shelf);
        i = shelf->count++;
        shelf->objects[i] = fresh;
    }
    shelf->objects[i]->used = ++shelf->turns;
    return shelf->objects[i];
}

bool shelf_has(const struct shelf *shelf, const char *path)
{
    return find(shelf, path) < shelf->count;
}

void shelf_forget(struct shelf *shelf, const char *path)
{
    unsigned i = find(shelf, path);
    if (i < shelf->count) {
        drop(shelf, i);
    }
}

void shelf_sweep(struct shelf *shelf)
{
    for (unsigned i = shelf->count; i > 0; i--) {
        if (object_is_gone(shelf->objects[i - 1])) {
            drop(shelf, i - 1);
        }
    }
}

void shelf_finish(struct shelf *shelf)
{
    while (shelf->count > 0) {
        drop(shelf, 0);
    }
}
