/* How wide text is on a terminal. */
#ifndef BASE_COLUMNS_H
#define BASE_COLUMNS_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends as much of the UTF-8 text `from` as `most` columns take, and returns the columns that it
 * took. What does not fit whole ends in "..." (where three columns are there). Control characters
 * and bytes that are no UTF-8 become '?', one each; marks that stand on the character before them
 * take no column, and East Asian characters take two. */
size_t columns_put(struct text *out, const char *from, size_t most);

#endif
