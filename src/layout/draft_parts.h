/* The inside of a draft: draft.c fills it, draft_variables.c settles what is carried,
 * draft_finish.c writes the layout. */
#ifndef LAYOUT_DRAFT_PARTS_H
#define LAYOUT_DRAFT_PARTS_H

#include "layout/draft.h"

struct list { /* a growing array */
    void *data;
    size_t count, room, size;
};

struct draft {
    struct list types, fields, enumerators, variables, symbols, marks;
    struct text strings;
    uint32_t *table; /* strings by their hash; LAYOUT_NONE: free */
    size_t table_size, string_count;
    bool failed;
};

/* Brings the variables into the order of a layout, and takes LAYOUT_CARRIED from those that can't
 * be carried side by side. False: no memory. */
bool draft_settle_variables(struct draft *draft, uint64_t span);

#endif
