/* What files and folders are by their names alone: the tables behind build.watch = []. */
#ifndef BUILDER_NATURE_H
#define BUILDER_NATURE_H

#include <stdbool.h>

/* Read by compilers, linkers, code generators or build systems. */
bool nature_is_source(const char *name);

/* Left by editors and tools, for a moment or for good; files and folders. */
bool nature_is_leaving(const char *name);

/* Made by compilers: no source either of a folder that is watched as a whole. */
bool nature_is_product(const char *name);

/* A folder that other programs keep their books in, and hotrun its own. */
bool nature_is_books(const char *name);

/* A folder that only ever holds what was made or fetched. */
bool nature_is_output(const char *name);

/* Whether an entry `inside` says of the folder `name` that it holds what was built. */
bool nature_tells_output(const char *name, const char *inside);

#endif
