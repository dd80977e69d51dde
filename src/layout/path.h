/* Places in a state by JSON pointers, and back: what is at an offset is named by members and
 * indices, and bytes behind what a path can name by "+N" at its end. */
#ifndef LAYOUT_PATH_H
#define LAYOUT_PATH_H

#include "base/text.h"
#include "layout/roster.h"
#include "state/pointer.h"

struct path_spot { /* a value in a block of bytes */
    uint32_t type;
    uint64_t offset;
    uint64_t count;     /* it is that many of `type` in a row, an array that has no type; else 1 */
    uint32_t bit, bits; /* as in layout_field */
};

/* Appends the path from `from` to the byte `offset` of the same block: "/enemies/3". It ends at the
 * value of type `wanted` that begins there, where there is one, else (or LAYOUT_NONE) at the
 * outermost. False: no memory. */
bool path_append(struct roster *roster, const struct path_spot *from, uint64_t offset,
                 uint32_t wanted, struct text *out);

/* Appends a part with its slash, '~' and '/' escaped. */
void path_part(struct text *out, const char *name, size_t len);

/* Takes the part at `at`, behind its slash, without its escapes. Returns how many bytes it took;
 * `end` is that of the pointer, which pointer_check accepted. */
size_t path_take(const char *at, const char *end, char name[POINTER_MOST], size_t *len);

enum path_step {
    PATH_NONE,
    PATH_FOUND,
    PATH_END /* the place behind the last element of an array */
};

/* Goes on to the member or element of that name. A value that is no array counts as an array of
 * one when `one` is set. PATH_NONE leaves *spot. */
enum path_step path_step(struct roster *roster, struct path_spot *spot, const char *name,
                         size_t len, bool one);

/* A number without leading zeros; those beyond 64 bits are the largest one. False: it is none. */
bool path_index(const char *digits, size_t len, uint64_t *index);

#endif
