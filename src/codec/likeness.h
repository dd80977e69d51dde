/* What the members of a union are, in words that two layouts can be compared by: which of them
 * holds is not known, so bytes mean something elsewhere only when all of them mean the same. */
#ifndef CODEC_LIKENESS_H
#define CODEC_LIKENESS_H

#include "base/text.h"
#include "layout/layout.h"

/* Appends a word for each member of the UNION (of the whole of other types), each with its '\0':
 * "radius float32", "x int32@4", "at struct 1f0c83a2b5d6e794 {CALM 0,BUSY 1}", with the enumerators
 * of each enum in it at the end. With `old_names` those that have another name by their old one.
 * `*budget` is lowered by what was looked at. False: it is used up, or there is no memory. */
bool likeness_words(const struct layout *layout, uint32_t type, bool old_names, uint64_t *budget,
                    struct text *out);

/* Whether bytes that are what the old word says are what this one says: they are equal, but that
 * there may be more enumerators. */
bool likeness_includes(const char *word, const char *old);

#endif
