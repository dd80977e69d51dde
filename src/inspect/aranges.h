/* The table that leads from addresses to units. libdw sorts all of it before it looks, which costs
 * more than the rest of what is done here; one look needs no order. */
#ifndef INSPECT_ARANGES_H
#define INSPECT_ARANGES_H

#include <elfutils/libdw.h>
#include <stdbool.h>

/* The unit whose code holds `address`. False: the table is not there, or does not know it. */
bool aranges_find(Dwarf *dwarf, Dwarf_Addr address, Dwarf_Die *unit);

#endif
