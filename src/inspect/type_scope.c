#include "inspect/type_scope.h"

#include "inspect/die.h"

uint32_t type_scope_name(struct type_table *table, struct type_entry *entry)
{
    const char *name = die_name(&entry->die);
    if (*name == '\0' && entry->alias != NULL) {
        name = entry->alias;
    }
    return draft_string(table->draft, name);
}
