/* A layout for people and for tools. */
#ifndef LAYOUT_DESCRIBE_H
#define LAYOUT_DESCRIBE_H

#include "base/text.h"
#include "layout/layout.h"

/* As C: each struct, union and enum that the state leads to, with offset and size of each field in
 * a comment, holes named, then carried variables and what can't be carried, with the reason. */
bool describe_as_c(const struct layout *layout, struct text *out);

/* The same as one JSON object: {"state": "struct game", "size":, "align":, "hash":, "types": [...],
 * "variables": [...], "heap_types": [...]}. */
bool describe_as_json(const struct layout *layout, struct text *out);

#endif
