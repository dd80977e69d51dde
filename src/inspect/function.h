/* The debug info's entry of a function, by its address. */
#ifndef INSPECT_FUNCTION_H
#define INSPECT_FUNCTION_H

#include "inspect/debug_file.h"

#include <elfutils/libdw.h>
#include <stdbool.h>

/* Looks where the table of addresses says, then where a unit's ranges do, then everywhere. False:
 * debug info does not know it. */
bool function_find(const struct debug_file *file, Dwarf_Addr address, Dwarf_Die *function);

/* The entry of a unit that has its contents: of a skeleton, the one in the split file or in
 * the package. False: it is in neither, or they are another build's. */
bool function_unit(const struct debug_file *file, Dwarf_Die *unit, Dwarf_Die *contents);

#endif
