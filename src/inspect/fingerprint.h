/* What tells one type whose bytes are carried as they are from another of its name and size. */
#ifndef INSPECT_FINGERPRINT_H
#define INSPECT_FINGERPRINT_H

#include "inspect/debug_file.h"

#include <stdint.h>

/* Of the members and variants of `type`, of their names, places and types, but not of what pointers
 * lead to. 0: it has too many of them, or there is no memory. */
uint64_t fingerprint_of(const struct debug_file *file, Dwarf_Die *type);

#endif
