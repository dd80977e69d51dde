/* What a file with a state tells of its values, behind them: the members "$types" and "$enums" of
 * the document (encode.h). They are of use to decode.h alone. [any thread] */
#ifndef CODEC_BESIDE_H
#define CODEC_BESIDE_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether the document's member of that name is one of these. */
bool beside_is(const char *name, size_t len);

/* Takes them off the end of `json`, which is valid. What else is called so stays: it stands before
 * other members, or is no array. */
void beside_cut(struct text *json);

#endif
