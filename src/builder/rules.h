/* What is a source, by its path: what is asked for (build.watch), what is ignored, and what is none
 * by nature. Paths are absolute. Looks at little more than what git ignores. */
#ifndef BUILDER_RULES_H
#define BUILDER_RULES_H

#include "base/error.h"
#include "builder/sources.h"

#include <stdbool.h>
#include <stddef.h>

struct rules; /* opaque */

struct rules *rules_create(const struct sources_rules *said, struct error *err);

/* Where walks begin: the root, or the folders that build.watch names. They live as long as the
 * rules. */
const char *const *rules_bases(const struct rules *rules, size_t *count);

/* Whether the file is a source; whether a folder can hold some. That the folders above it may be
 * entered is the caller's to know. */
bool rules_take_file(const struct rules *rules, const char *path);
bool rules_enter_folder(const struct rules *rules, const char *path);

/* Whether an entry `inside` says of the folder that it is full of build output. */
bool rules_tell_output(const struct rules *rules, const char *folder, const char *inside);

/* Files of git, to be told of when they change: NULL-terminated, those above the root and its
 * info/exclude. They live until rules_read_git. */
const char *const *rules_git_files(const struct rules *rules);

/* Forgets what git ignores and reads it above the root again; rules_read_folder adds the
 * .gitignore of a folder, which replaces an earlier one of the same folder. False: no memory. */
bool rules_read_git(struct rules *rules);
bool rules_read_folder(struct rules *rules, const char *folder);

/* Whether files by name decide (no build.watch), so that a file which looks like a source can be a
 * compiler's: game.d beside game.c. */
bool rules_go_by_name(const struct rules *rules);

/* `path` as it is told: relative to the root where it lies below it. A part of `path`. */
const char *rules_told(const struct rules *rules, const char *path);

void rules_destroy(struct rules *rules); /* NULL is allowed */

#endif
