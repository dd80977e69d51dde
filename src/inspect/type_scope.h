/* Names of types as a person writes them, with what they are declared in: "ns::node". */
#ifndef INSPECT_TYPE_SCOPE_H
#define INSPECT_TYPE_SCOPE_H

#include "inspect/type_table.h"

/* The name of a struct, union or enum as a string of the draft; that of the typedef when it has
 * none itself. */
uint32_t type_scope_name(struct type_table *table, struct type_entry *entry);

#endif
