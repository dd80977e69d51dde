/* Memory for a module's heap objects (hotrun_alloc), of which hotrun knows the type and the count.
 * It lies at a fixed address beside the state's slot, in a memfd of its own, sparse. What is known
 * of the objects lies apart from their bytes, where a stray write of the module does not hit it
 * first. [main thread of the host; the reader: any thread] */
#ifndef LAYOUT_HEAP_H
#define LAYOUT_HEAP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_OFFSET   (UINT64_C(32) << 30) /* of a heap behind the address of its slot */
#define HEAP_SIZE_MAX (UINT64_C(16) << 30)

struct heap; /* opaque */

struct heap_object {
    uint64_t offset; /* from the heap's address */
    uint64_t size;   /* of one element, as it was asked for */
    uint64_t count;  /* of elements */
    uint32_t type;   /* of the layout; LAYOUT_NONE: see mark */
    uint32_t align;
    uint64_t mark; /* address of its mark from the library's base, where the layout was not known
                      yet when it was made; 0: none */
};

/* Maps nothing yet. `limit`: most bytes from the first object to the end of the last one. NULL with
 * `err`. */
struct heap *heap_create(uint64_t address, uint64_t limit, struct error *err);
void heap_destroy(struct heap *heap); /* NULL is allowed */

/* Zeroed. At a multiple of `align`, a power of two up to 4096, and of 16. An array is followed by
 * at least one byte of nobody's. NULL: no room, size or count is 0, size * count or align is none.
 */
void *heap_alloc(struct heap *heap, uint32_t type, uint64_t mark, size_t size, size_t count,
                 size_t align);

/* Why heap_alloc gave nothing for this, and what to do. Always false. */
bool heap_explain(const struct heap *heap, uint64_t size, uint64_t count, struct error *err);

/* False: `address` is not the start of an object. What it is then, for a sentence: memory that no
 * object has (any more), memory in an object, or of somebody else. */
bool heap_free(struct heap *heap, const void *address);
enum heap_mistake {
    HEAP_FREED,
    HEAP_INSIDE,
    HEAP_FOREIGN
} heap_mistake(const struct heap *heap, const void *address);

/* A hidden object is no part of what there is: it is in no view, no piece and no count, and its
 * place does not count against the limit. It keeps that place, so that whoever has its address may
 * use it and free it. Nothing, when no object begins at `address`. */
void heap_hide(struct heap *heap, const void *address, bool hidden);

/* Whether objects are made one behind the other from here on, so that they are numbered in the
 * order in which they are made; else they take what is free. */
void heap_line_up(struct heap *heap, bool in_line);

/* Objects whose type was not known get that of their mark, if it has their size; others stay. */
struct layout;
void heap_resolve(struct heap *heap, const struct layout *layout);

/* The type of an object is another number in the layout that its code has from here on. A mark that
 * is not resolved yet is forgotten: it was of the code before. */
void heap_retype(struct heap *heap, const uint32_t *types, size_t count); /* [old] = new */

/* How many objects, and how many bytes they have in all. */
uint64_t heap_count(const struct heap *heap);
uint64_t heap_total(const struct heap *heap);
uint64_t heap_address(const struct heap *heap);

/* The whole as one block that heap_open reads: what is known of the objects, then their bytes as
 * they lie, without the longest stretch that has none. It is made of up to `HEAP_PIECES` pieces,
 * which live until the next call on the heap. Each has a multiple of 16 bytes. Returns how many, 1
 * for an empty heap; 0: no memory. */
#define HEAP_PIECES 4
struct heap_piece {
    const void *bytes;
    size_t len;
};
size_t heap_pieces(struct heap *heap, struct heap_piece pieces[HEAP_PIECES]);

/* ---- reading: a block that heap_pieces wrote, or the live heap ---- */

struct heap_view { /* borrowed from what it was opened on */
    uint64_t address;
    const struct heap_object *objects; /* by offset */
    size_t count;
    const unsigned char *bytes; /* of offset 0, see heap_bytes_of */
    uint64_t size;
    uint64_t gap, gap_len; /* so many bytes are left out, from this offset on */
    void *owned;
};

/* `block` is at a multiple of 8 and is not trusted: after this each object lies in `bytes`, none in
 * another or in the gap, and size * count is a number. Types are not looked at. False with `err`.
 * heap_close in either case. */
bool heap_open(struct heap_view *view, const void *block, size_t len, struct error *err);

/* Good until objects are made or freed. */
bool heap_look(struct heap_view *view, struct heap *heap); /* false: no memory */
void heap_close(struct heap_view *view);

static inline const unsigned char *heap_bytes_of(const struct heap_view *view,
                                                 const struct heap_object *object)
{
    return view->bytes + object->offset - (object->offset < view->gap ? 0 : view->gap_len);
}

/* The object that holds `address`, or ends at it; NULL: none. */
const struct heap_object *heap_find(const struct heap_view *view, uint64_t address);

#endif
