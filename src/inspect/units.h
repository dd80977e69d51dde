/* Which unit of an object's debug info describes which code. */
#ifndef INSPECT_UNITS_H
#define INSPECT_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>

struct units; /* opaque */

struct unit {
    Dwarf_Die lines; /* has the line table */
    Dwarf_Die code;  /* has the functions: another one than `lines` in split debug info */
};

/* Reads the ranges of all units. NULL: no memory. */
struct units *units_create(Dwarf *dwarf);
void units_destroy(struct units *units); /* NULL is allowed */

/* The unit that holds `address` (in the file's terms); NULL: none. */
struct unit *units_find(struct units *units, Dwarf_Addr address);

/* Reads line tables ahead of time, until `until_ns` (CLOCK_MONOTONIC). */
void units_warm(struct units *units, uint64_t until_ns);

/* The row of the unit's line table for `address` that names a line; NULL: none. */
Dwarf_Line *unit_line(struct unit *unit, Dwarf_Addr address);

#endif
