/* The entries of a unit, one after the other as they lie there. What is damaged ends the walk. */
#ifndef INSPECT_ENTRIES_H
#define INSPECT_ENTRIES_H

#include "inspect/entry_shapes.h"

struct entries {
    const unsigned char *section, *section_end; /* where the unit lies */
    const unsigned char *begin, *at, *end;      /* of the unit, its head included */
    Dwarf_CU *cu;
    struct entry_shapes shapes;
    unsigned deep; /* of the entry that comes next */
};

struct entry {
    Dwarf_Die die;
    const struct shape *shape;
    unsigned deep;                 /* 0: the unit's own */
    const unsigned char *location; /* the bytes of a block of DW_AT_location; NULL: there is none */
    size_t location_len;
    const unsigned char *behind; /* its children, as it says itself; NULL: it does not */
};

/* Before the first unit: (struct entries){0}. False: no memory, or no unit. */
bool entries_open(struct entries *entries, Dwarf_Die *unit);
void entries_finish(struct entries *entries);

/* The next one; children come before siblings. False: that was the last. */
bool entries_next(struct entries *entries, struct entry *entry);

/* Goes past the children of `entry`, which came last. */
void entries_pass(struct entries *entries, const struct entry *entry);

#endif
