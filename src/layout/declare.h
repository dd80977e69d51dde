/* How C writes a type: "struct node *next", "int (*row)[4]". Names come from debug info, which
 * anybody may have written: what is no printable text in them is shown as \x1b. */
#ifndef LAYOUT_DECLARE_H
#define LAYOUT_DECLARE_H

#include "base/text.h"
#include "layout/layout.h"

/* Whether a character does nothing to a terminal but be seen: no control, also none beyond ASCII,
 * and nothing that turns the direction of writing around. */
bool declare_is_shown(uint32_t character);

/* A name as it can be shown: the first 500 bytes of it; "*" before a "/" ends no comment. */
void declare_name(const char *name, struct text *out);

/* The type that stands in front of a declarator: behind all arrays and pointers. */
uint32_t declare_base(const struct layout *layout, uint32_t type);

/* "struct node", "unsigned int"; one without a name is "struct unnamed_7", by its number. */
void declare_base_name(const struct layout *layout, uint32_t base, struct text *out);

/* "*next", "(*row)[4]"; with the name "" what a cast has. `name` is shown as declare_name does. */
void declare_declarator(const struct layout *layout, uint32_t type, const char *name,
                        struct text *out);

/* Both, with a space where one belongs. */
void declare_whole(const struct layout *layout, uint32_t type, const char *name, struct text *out);

#endif
