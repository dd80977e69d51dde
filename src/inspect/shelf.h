/* The objects that are kept open: the last few that were asked for. */
#ifndef INSPECT_SHELF_H
#define INSPECT_SHELF_H

#include "inspect/object.h"

#define SHELF_MOST 12

struct shelf {
    struct object *objects[SHELF_MOST];
    unsigned count;
    uint64_t turns;
};

/* The object of the file `path`, opened when it is not open; another object may go for it. NULL: it
 * cannot be used. It lives until the next call. */
struct object *shelf_take(struct shelf *shelf, const char *path);

/* True when it is open, so that taking it costs nothing. */
bool shelf_has(const struct shelf *shelf, const char *path);

/* Lets go of `path`. */
void shelf_forget(struct shelf *shelf, const char *path);

/* Lets go of objects whose file is gone. */
void shelf_sweep(struct shelf *shelf);

void shelf_finish(struct shelf *shelf);

#endif
