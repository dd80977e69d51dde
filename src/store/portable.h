/* What a snapshot's state means outside of its process. [any thread] */
#ifndef STORE_PORTABLE_H
#define STORE_PORTABLE_H

#include "base/error.h"
#include "base/text.h"
#include "layout/layout_set.h"
#include "link/shared.h"

#include <stdbool.h>
#include <stddef.h>

/* Makes `state`, the bytes of `snapshot`, into what any process can read: an image of a state whose
 * layout is in `layouts` becomes JSON of at most `limit` bytes, which takes the image's place in
 * both; text, and the memory of a state that says it is plain, stay as they are. False with `err`:
 * ERROR_REFUSED: it means nothing elsewhere, which is no fault; else what failed. Both are of no
 * use then. */
bool portable_make(struct snapshot *snapshot, struct text *state, const struct layout_set *layouts,
                   size_t limit, struct error *err);

/* The JSON of the image bytes[0..len), appended to `json` within its limit: as a file has it, with
 * all that other code may ask for (encode.h), when `pointer` is NULL; else what that names in it.
 * False with `err`, as for portable_make. */
bool portable_json(const void *bytes, size_t len, const struct layout_set *layouts,
                   const char *pointer, struct text *json, struct error *err);

#endif
