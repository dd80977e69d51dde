/* A library with a state of its own, as a generation has it: loaded from a copy of the file, its
 * init called, its heap objects counted. */
#ifndef LAYOUTS_SIDE_H
#define LAYOUTS_SIDE_H

#include "layout/image.h"
#include "layout/target.h"

#include <hotrun/hotrun.h>

struct side {                    /* zero-initialised is empty */
    const struct layout *layout; /* borrowed */
    void *library;
    const hotrun_module *table;
    uint64_t base;
    unsigned char *state; /* at a fixed address, NULL for none */
    size_t size;
    struct heap *heap;
    hotrun_host host;
    char **kept; /* texts of libraries that do not have them */
    size_t kept_count;
};

/* Loads a copy of `path` for the slot of this number, zeroes the state and calls init. False with
 * `err`; side_finish in either case. */
bool side_start(struct side *side, unsigned slot, const char *path, const struct layout *layout,
                struct error *err);
void side_finish(struct side *side);

/* The state as the other side's source, and as a target. */
struct image side_image(const struct side *side);
struct target side_target(struct side *side, bool statics);

/* Calls the exported function of this name on `state`, and returns how many expressions did not
 * hold; each is printed as a line of `name`. `old`: the base of the old library. */
unsigned side_call(struct side *side, const char *function, unsigned char *state, unsigned way,
                   const char *name, uint64_t old);

#endif
