/* Types that a unit only declares ("struct world;") are defined in another one. */
#ifndef INSPECT_DEFINITION_H
#define INSPECT_DEFINITION_H

#include "inspect/type_table.h"

/* Looks in all units for the definitions of what was met and is only declared, and reads those
 * entries anew. A name that two different types have stays as it is. True: some were
 * found. */
bool definition_find_all(struct type_table *table);

#endif
