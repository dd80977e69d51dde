/* One layout: what a library's debug info says of the state of the module in it. */
#ifndef INSPECT_LAYOUT_READING_H
#define INSPECT_LAYOUT_READING_H

#include "base/error.h"
#include "base/text.h"
#include "link/reading.h"

#include <stdbool.h>

/* Appends the layout's bytes (layout/layout.h) to `block`. `origin`: what `path` was copied from,
 * beside which separate debug info may lie; "": none. `statics`: with the variables of the module.
 * False with `err`; *outcome then tells READING_NONE and READING_REFUSED apart. */
bool layout_reading_make(const char *path, const char *origin, bool statics, struct text *block,
                         enum reading_outcome *outcome, struct error *err);

#endif
