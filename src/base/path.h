/* Paths as strings. Results are malloc'ed and the caller frees them; NULL: no memory. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include "base/error.h"

/* "dir/name"; `name` alone when it is absolute, or `dir` is "" or ".". */
char *path_join(const char *dir, const char *name);

/* The folder of `path`: "a/b" -> "a", "b" -> ".", "/b" -> "/". */
char *path_dir(const char *path);

/* The last part of `path`, inside of it: nothing to free. */
const char *path_base(const char *path);

/* `path` as an absolute one, by text alone: "." and "//" go, ".." and links stay. */
char *path_absolute(const char *path);

/* `path` as a person would type it here: relative when it lies below the current folder. */
char *path_short(const char *path);

/* The folder that holds this process's executable. */
char *path_own_dir(struct error *err);

#endif
