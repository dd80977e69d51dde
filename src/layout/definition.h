/* The definition of a type as C, with what a reader of C does not see: where fields lie. */
#ifndef LAYOUT_DEFINITION_H
#define LAYOUT_DEFINITION_H

#include "base/text.h"
#include "layout/layout.h"

struct definitions {
    const struct layout *layout;
    struct text *out;
    uint32_t *uses; /* of each type, in how many places it lies in others; owned */
};

/* Counts the uses. False: no memory. */
bool definitions_init(struct definitions *definitions, const struct layout *layout,
                      struct text *out);
void definitions_finish(struct definitions *definitions);

/* Behind all arrays, but not behind pointers: what lies there itself. */
uint32_t definition_element(const struct layout *layout, uint32_t type);

/* Whether it is written where it is used, since it has no name and lies in one place only. */
bool definition_is_inner(const struct definitions *definitions, uint32_t type);

/* "struct game {", its fields and "};", or what else there is to tell of a type; nothing for those
 * that C knows. */
void definition_write(const struct definitions *definitions, uint32_t type);

/* "static struct { ... } x", without an end: a variable. */
void definition_declare(const struct definitions *definitions, uint32_t type, const char *name);

/* Ends the line that began at `start` of out: with `text` in a comment, which stands below those of
 * other lines. */
void definition_comment(struct text *out, size_t start, const char *text);

#endif
