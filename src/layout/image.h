/* A state as bytes: the block of the module, its heap objects (heap.h), its variables; and where
 * all of that lay, since pointers in it are addresses. The same struct is a view of a running
 * module, and of a copy that was made of one. A copy's bytes are
 *
 *     struct image_head, state, heap, variables
 *
 * each part at a multiple of 16, and never trusted. */
#ifndef LAYOUT_IMAGE_H
#define LAYOUT_IMAGE_H

#include "base/error.h"
#include "layout/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The next stretch at or behind `offset` of a block that may hold something else than zeros.
 * False: only zeros follow. */
typedef bool image_data(void *ctx, uint64_t offset, uint64_t *start, uint64_t *end);

/* An image_data for the file that a block is mapped from, as `ctx` a struct image_file. Where the
 * file system does not tell, all of it may hold something. */
struct image_file {
    int fd;
    uint64_t offset, size; /* of the block in it */
};
image_data image_file_data;

struct heap;
struct heap_view;

struct image {
    const struct layout *layout;
    unsigned char *state; /* as it can be read here; of a running module: at its address */
    uint64_t state_size, state_address;
    const void *heap; /* a copy's: the block that heap_open reads; NULL: none */
    uint64_t heap_size, heap_address;
    struct heap *objects;     /* of a running module: its heap; NULL: none */
    unsigned char *variables; /* packed (layout_variable.image); NULL: in the library, if it is
                                 alive, else there are none */
    uint64_t module_base;
    bool alive; /* it is of this process: what it points to outside of itself is still there */

    image_data *data; /* of a sparse state; NULL: all of it may hold something */
    void *data_ctx;
};

struct image_head {
    char magic[8];
    uint64_t layout; /* hash of its layout */
    uint64_t state_size, state_address, heap_size, heap_address, variables_size, module_base;
};

struct image_part {
    const void *bytes;
    size_t len;
};
#define IMAGE_PARTS 10 /* head; state, a heap of four pieces, variables, each with a filling */

/* The parts of `image`, in order, ready to be written one behind the other; `head` and `variables`
 * (layout->head->variables_size bytes, or NULL when statics are not carried) are room for what is
 * made for it. Pieces of a running module's heap live until the next call on it. Returns how many;
 * 0: no memory. */
size_t image_parts(const struct image *image, struct image_head *head, unsigned char *variables,
                   struct image_part parts[IMAGE_PARTS]);

/* The layout that the bytes need; 0: they are no image. */
uint64_t image_layout(const void *bytes, size_t len);

/* A view of a copy, which must outlive it and lies at a multiple of 16. False with `err`: damaged,
 * or of another layout. */
bool image_read(struct image *image, const void *bytes, size_t len, const struct layout *layout,
                struct error *err);

/* The heap's objects; an empty view, when there are none. heap_close gives it back. False with
 * `err`: damaged, memory. */
bool image_objects(const struct image *image, struct heap_view *view, struct error *err);

/* The bytes of variable number `i`; NULL: it is not in this image. */
unsigned char *image_variable(const struct image *image, uint32_t i);

#endif
