/* What a pointer in an image leads to. */
#ifndef LAYOUT_BIND_H
#define LAYOUT_BIND_H

#include "layout/heap.h"
#include "layout/image.h"

enum pointee {
    POINTEE_NULL,
    POINTEE_STATE,    /* `offset` into the state, its end included */
    POINTEE_HEAP,     /* `object`, and `offset` into it */
    POINTEE_VARIABLE, /* `variable` of the layout, and `offset` into it: where they are carried */
    POINTEE_SYMBOL,   /* `symbol`, and `offset` into it */
    POINTEE_TEXT,     /* a string in the library's read-only bytes: `text`, which ends in '\0' */
    POINTEE_LIBRARY,  /* somewhere else in the library: `offset` from its base */
    POINTEE_FOREIGN   /* another library, a malloc, nowhere */
};

struct bound {
    enum pointee what;
    uint64_t offset;
    const struct heap_object *object;
    const struct layout_variable *variable;
    const struct layout_symbol *symbol;
    const char *text;
};

/* `heap`: of the image; NULL: none. `statics`: whether variables are carried: else they are
 * symbols. */
struct bound bind_look(const struct image *image, const struct heap_view *heap, bool statics,
                       uint64_t address);

/* Whether what a pointer of this layout leads to may be a value of the type `pointee` that the
 * pointer has: text is bytes, code a function. Any may be void; LAYOUT_NONE stands for it. */
bool bind_suits(const struct layout *layout, const struct bound *bound, uint32_t pointee);

/* Where in the library of `layout` (from its base) the symbol or variable of `from` is. A function
 * stays a function, an object an object. False: there is none of that name, or several. */
bool bind_symbol(const struct layout *from, const struct layout_symbol *symbol,
                 const struct layout *layout, uint64_t *address);

/* Where the table of virtual functions is, from the start of the symbol at `address` that has those
 * of a whole class, that parts of its objects have which lie `part` bytes behind their start. Reads
 * the library, which lies at `base`. False: it is not there. */
bool bind_table(const struct layout *layout, uint64_t base, uint64_t address, uint64_t part,
                uint64_t *offset);

/* The same text among the read-only bytes of `layout`'s library. False: it is not there. */
bool bind_text(const struct layout *layout, const char *text, uint64_t *address);

#endif
