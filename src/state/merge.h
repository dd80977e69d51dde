/* Merge patches (RFC 7396) on JSON text: what a patch does not name keeps every byte. */
#ifndef STATE_MERGE_H
#define STATE_MERGE_H

#include "base/text.h"
#include "state/place.h"

#include <stdbool.h>

/* Appends what the value at `place` (PLACE_VALUE) becomes by the patch, which is valid JSON without
 * white space around it. False: no memory, or the limit of `out` is crossed; out->failed tells
 * which is the case for `out`. */
bool merge_append(struct text *out, const struct place *place, const char *patch,
                  const char *patch_end);

#endif
