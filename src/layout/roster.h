/* What the types of a layout are called in JSON: the members of a struct in one list, those of what
 * has no name among the others, and the enumerators of an enum. Lists are made when they are first
 * asked for. For one thread. */
#ifndef LAYOUT_ROSTER_H
#define LAYOUT_ROSTER_H

#include "base/error.h"
#include "layout/layout.h"

struct roster_member {
    const char *name; /* as a path has it; no escapes of JSON or of paths */
    const char *old_name;
    const char *json; /* `,"name":` */
    uint32_t name_len, json_len;
    uint32_t type, bit, bits, flags; /* as in layout_field */
    uint64_t offset, size;           /* from the start of the struct that was asked for */
};

/* Names are its fields', but:
 *     "$name"     has one more "$" in front
 *     "a|b"       is a union without a name, by the names of its fields
 *     "type::a"   is the second one of that name, of the type around it or of a base class */
struct roster_list {
    const struct roster_member *members; /* in order; the compiler's own tables are left out */
    uint32_t count;
    const uint32_t *by_name;  /* their numbers */
    const uint32_t *by_place; /* the same by offset */
    const uint32_t *renamed;  /* those that have an old name */
    uint32_t renamed_count;
};

struct roster_word { /* an enumerator */
    uint64_t value;
    const char *json; /* in its quotes */
    uint32_t json_len;
    uint32_t enumerator; /* of the layout */
};

struct roster; /* opaque */

/* The layout is borrowed. NULL: no memory. */
struct roster *roster_create(const struct layout *layout);
void roster_destroy(struct roster *roster); /* NULL is allowed */

const struct layout *roster_layout(const struct roster *roster);

/* Of a STRUCT. NULL with `err`: no memory, or fields lie in each other so that their number is out
 * of all proportion to the struct's size. The list lives as long as the roster. */
const struct roster_list *roster_members(struct roster *roster, uint32_t type, struct error *err);

/* The member of that name, else the one that had it (HOTRUN_RENAMED). NULL: none. */
const struct roster_member *roster_named(const struct roster_list *list, const char *name,
                                         size_t len);

/* The member, no bit-field, that holds the byte at `offset`; of several the one that begins last.
 * NULL: none. */
const struct roster_member *roster_holding(const struct roster_list *list, uint64_t offset);

/* What an ENUM calls a value, the first name of several. NULL: it has none, or no memory. */
const struct roster_word *roster_word(struct roster *roster, uint32_t type, uint64_t value);

#endif
