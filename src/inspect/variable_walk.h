/* All variables that debug info describes: of files, namespaces, classes, functions and blocks. */
#ifndef INSPECT_VARIABLE_WALK_H
#define INSPECT_VARIABLE_WALK_H

#include "inspect/debug_file.h"

#include <elfutils/libdw.h>
#include <stdbool.h>

/* `function`: what it stands in; NULL: it is a file's, or a namespace's. False ends the walk. */
typedef bool variable_visit(void *ctx, Dwarf_Die *variable, Dwarf_Die *function);

/* The unit of `first` (NULL: none) comes before the others. False: it was ended. */
bool variable_walk(const struct debug_file *file, Dwarf_Die *first, variable_visit *visit,
                   void *ctx);

#endif
