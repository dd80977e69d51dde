/* Where a state goes: a generation that was loaded and whose init has run, so that each field has
 * its default. */
#ifndef LAYOUT_TARGET_H
#define LAYOUT_TARGET_H

#include "layout/image.h"
#include "layout/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap;

struct target {
    const struct layout *layout;
    unsigned char *state; /* layout_state's size; its address is the one that pointers get */
    image_data *data;     /* of a sparse state, as in struct image */
    void *data_ctx;
    struct heap *heap; /* for heap objects; NULL: there can be none */
    uint64_t module_base;
    bool statics;        /* variables are carried, too */
    bool only_variables; /* of plan_move: the state and heap objects go another way */

    /* A copy of bytes[0..len) that lives as long as the process, for text that the new library does
     * not have. NULL: no memory. The function may be NULL. */
    const void *(*keep)(void *ctx, const void *bytes, size_t len);
    void *ctx;
};

#endif
