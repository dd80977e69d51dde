/* The way from an entry of debug info to the type that it is of, and how large that is, with an end
 * to each, whatever the entries lead to. */
#ifndef INSPECT_TYPE_PATH_H
#define INSPECT_TYPE_PATH_H

#include "inspect/debug_file.h"

#include <stddef.h>

#define TYPE_RANKS_MOST 32

struct type_bounds { /* of an array, the outermost first */
    uint64_t of[TYPE_RANKS_MOST];
    size_t count;
};

/* The type of `die`, past typedefs and qualifiers; *alias: the last typedef before it, or NULL.
 * False: void, or the way does not end. */
bool type_path_follow(const struct debug_file *file, Dwarf_Die *die, Dwarf_Die *type,
                      const char **alias);

/* The class that a pointer to a member is of. False: there is none, or no definition of it. */
bool type_path_class(const struct debug_file *file, Dwarf_Die *die, Dwarf_Die *type);

/* The elements of the array `die`. False: one of its dimensions has no constant size. */
bool type_path_bounds(Dwarf_Die *die, struct type_bounds *bounds);

/* Bytes of the type of `die`. False: it has no size, or the way does not end. */
bool type_path_size(const struct debug_file *file, Dwarf_Die *die, uint64_t *size);

#endif
