/* Patterns in the manner of .gitignore (git's documentation, gitignore(5)): comments, "!", a "/" in
 * front, within or behind, "*", "?", "[...]", "**". A later pattern wins over an earlier one, a
 * deeper folder's file over a higher one's. Nothing here looks at the disk. */
#ifndef BUILDER_IGNORE_H
#define BUILDER_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

struct ignore; /* opaque: a list of patterns, in the order in which they were added */

struct ignore *ignore_create(void);         /* NULL: no memory */
void ignore_destroy(struct ignore *ignore); /* NULL is allowed */

/* Adds the lines of text[0..len), a .gitignore that lies in `folder` ("" for the root, else
 * relative to it without a "/" behind). False: no memory. */
bool ignore_add(struct ignore *ignore, const char *folder, const char *text, size_t len);

/* Takes back what was added for `folder` itself; all. */
void ignore_forget(struct ignore *ignore, const char *folder);
void ignore_clear(struct ignore *ignore);

/* Whether `path` (relative to the root) itself is ignored. That a folder above it is, is the
 * caller's to find: one that walks down does not go into what is ignored. */
bool ignore_matches(const struct ignore *ignore, const char *path, bool is_folder);

/* Whether `path` fits `pattern`: the path of a folder that it lies in or its own, or a pattern as
 * above that it fits or a folder that it lies in does. */
bool ignore_pattern_matches(const char *pattern, const char *path);

#endif
