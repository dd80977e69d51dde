/* Which units can have an entry of a certain name, found out without a walk through them. A unit
 * that keeps a table of its strings (DW_FORM_strx, as of clang) tells by that; of others it is not
 * known. */
#ifndef INSPECT_NAME_FILTER_H
#define INSPECT_NAME_FILTER_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_FILTER_MOST 256

struct name_filter {
    const unsigned char *tables; /* .debug_str_offsets; NULL: nothing is known */
    size_t size;
    uint32_t places[NAME_FILTER_MOST]; /* of the names in .debug_str */
    size_t count;
    uint64_t bits; /* by the lowest six of each place */
};

/* Adds a name after the other; too many: nothing is known. */
void name_filter_init(struct name_filter *filter, Dwarf *dwarf);
void name_filter_add(struct name_filter *filter, Dwarf *dwarf, const char *name);

/* False: no entry of `unit` has one of the names. */
bool name_filter_may(const struct name_filter *filter, Dwarf_Die *unit);

#endif
