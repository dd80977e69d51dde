/* Members of objects that are looked for by name. Several objects share one table, like a stack:
 * each has a stretch of it, [first, first + count). */
#ifndef STATE_MEMBER_TABLE_H
#define STATE_MEMBER_TABLE_H

#include "state/members.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct member {
    uint64_t mark;
    const char *key; /* as it is spelled between its quotes, in the text */
    size_t key_len;
    const char *value;
    bool used; /* for the caller; false to begin with */
};

struct member_table { /* zero-initialised: empty */
    struct member *member;
    size_t count, cap;
};

void member_table_finish(struct member_table *table);

/* Adds the member that was met last. False: no memory. */
bool member_table_add(struct member_table *table, const struct members *members);

/* Meets the members that are left and adds them. False: no memory. */
bool member_table_add_rest(struct member_table *table, struct members *members);

/* Orders the members from `first` on by name, for member_table_find. No two have the same. */
void member_table_sort(struct member_table *table, size_t first);

/* The one of the stretch that is called as the member that `members` has met last; NULL: none, or
 * no memory, and then *failed is set. */
struct member *member_table_find(const struct member_table *table, size_t first, size_t count,
                                 const struct members *members, bool *failed);

/* Orders the members from `first` on as they stand in the text. */
void member_table_unsort(struct member_table *table, size_t first);

#endif
