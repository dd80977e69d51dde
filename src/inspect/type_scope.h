/* Names of types as a person writes them, with what they are declared in: "ns::node". Debug info
 * has no way from an entry to the one around it: an index of what stands around others is made, of
 * those units, and those levels of them, that are asked for. */
#ifndef INSPECT_TYPE_SCOPE_H
#define INSPECT_TYPE_SCOPE_H

#include "base/text.h"

#include <elfutils/libdw.h>

struct type_scopes; /* opaque */

struct type_scopes *type_scopes_create(void); /* NULL: no memory */
void type_scopes_destroy(struct type_scopes *scopes);

/* Replaces `name` by the name of `die`; of one without a name it is `alias` (NULL: ""). */
void type_scopes_name(struct type_scopes *scopes, Dwarf_Die *die, const char *alias,
                      struct text *name);

#endif
