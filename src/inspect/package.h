/* A package of split debug info (.dwp): what stood in many files, in one with an index. Which part
 * is whose is looked up here, and given to libdw as a library of its own that lies in memory. */
#ifndef INSPECT_PACKAGE_H
#define INSPECT_PACKAGE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

struct package; /* opaque */

/* NULL: there is none at `path`, or it is damaged. */
struct package *package_open(const char *path);
void package_close(struct package *package); /* NULL is allowed */

/* The contents of the unit that `skeleton` stands for. False: they are not in it. */
bool package_unit(struct package *package, Dwarf_Die *skeleton, uint64_t id, Dwarf_Die *contents);

/* The type of this signature. */
bool package_type(struct package *package, uint64_t signature, Dwarf_Die *type);

#endif
