/* One entry of debug info (a DIE), read with a bound on everything: what it says is not trusted. */
#ifndef INSPECT_DIE_H
#define INSPECT_DIE_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#define DIE_CHAIN_MOST                                                                             \
    256 /* of types that only qualify another, of references to a declaration                      \
         */

/* The first child. False: there is none. */
bool die_child(Dwarf_Die *die, Dwarf_Die *child);

/* Goes on to the one behind it. False: it was the last, or what follows leads back. */
bool die_next(Dwarf_Die *die);

/* "" when it has none, by itself or by what it refers to. */
const char *die_name(Dwarf_Die *die);

/* An attribute of the DIE, or of the one that it completes or was made of. */
bool die_flag(Dwarf_Die *die, unsigned attribute);
bool die_unsigned(Dwarf_Die *die, unsigned attribute, uint64_t *value);

/* It only declares what is defined elsewhere. */
bool die_declares(Dwarf_Die *die);

/* As it is stored, with its sign where it has one. */
bool die_integer(Dwarf_Die *die, unsigned attribute, int64_t *value);

#endif
