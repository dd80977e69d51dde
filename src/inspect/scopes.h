/* Ways down the tree of a unit's debug info, with an end to each, whatever the tree looks like. */
#ifndef INSPECT_SCOPES_H
#define INSPECT_SCOPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

#define SCOPES_DEEP 64

struct scopes { /* from the unit's child down */
    Dwarf_Die list[SCOPES_DEEP];
    size_t count;
};

/* The function that holds `address`, with the namespaces around it and the blocks and inlined
 * functions in it that hold it too. False: none is found. */
bool scopes_of_address(Dwarf_Die *unit, Dwarf_Addr address, struct scopes *scopes);

/* What stands around `die`, without it. False: it is not found in its unit. */
bool scopes_around(Dwarf_Die *die, struct scopes *scopes);

#endif
