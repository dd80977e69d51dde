/* What tells a variable from others, in this build and in the next: its file, the function that it
 * stands in, its name; each as a string of the draft. */
#ifndef INSPECT_VARIABLE_NAME_H
#define INSPECT_VARIABLE_NAME_H

#include "inspect/type_table.h"

/* "src/game.c": as it was compiled, from where the compiler ran. */
void variable_name_file(struct type_table *table, Dwarf_Die *variable, uint32_t *file);

/* "step", "ns::step(int)"; NULL: "". `symbol`: that of the variable `own` in it (NULL: it has
 * none), which tells the function where it was inlined everywhere: then gcc leaves out its full
 * name, and clang any. */
void variable_name_function(struct type_table *table, Dwarf_Die *function, const char *symbol,
                            const char *own, uint32_t *name);

/* "speed", "ns::speed", "ns::made<int>"; that of a function's variable by itself. */
void variable_name_own(struct type_table *table, Dwarf_Die *variable, Dwarf_Die *function,
                       const char *symbol, uint32_t *name);

#endif
