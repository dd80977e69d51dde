/* Edits as bytes, for their way from one process to another. [any thread] */
#ifndef STATE_EDIT_LIST_H
#define STATE_EDIT_LIST_H

#include "state/edit.h"

#include <stdbool.h>
#include <stddef.h>

#define EDIT_LIST_MOST 4096 /* edits */

/* Appends one edit. Returns !bytes->failed. */
bool edit_list_add(struct text *bytes, const struct edit *edit);

/* Reads what edit_list_add has made; the edits point into `bytes`. NULL: it is nothing of that kind
 * (or empty, or has too many edits), or there is no memory. Caller frees. */
struct edit *edit_list_read(const char *bytes, size_t len, size_t *count);

#endif
