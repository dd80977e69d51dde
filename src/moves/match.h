/* Which field of an old struct a new one's field takes its value from. */
#ifndef MOVES_MATCH_H
#define MOVES_MATCH_H

#include "layout/layout.h"

struct member { /* a field, or one of a field without a name; an anonymous union is a member */
    const struct layout_field *field;
    const char *name;
    uint64_t offset; /* from the start of the struct */
    uint32_t source; /* of a new one: the number of the old one; LAYOUT_NONE: it is new */
    bool taken;      /* of an old one: some new one takes its value */
};

struct members {
    struct member *list; /* owned; in the order of the layout */
    uint32_t count;
    size_t room;
};

/* Members of two structs, or of two unions. `*budget` is lowered by their number. False: no memory,
 * or the budget is used up; nothing is to be freed then. */
bool match_members(const struct layout *from, const struct layout_type *from_type,
                   const struct layout *to, const struct layout_type *to_type, struct members *old,
                   struct members *fresh, uint64_t *budget);

void match_finish(struct members *members);

#endif
