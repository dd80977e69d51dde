/* From an entry of debug info that is a type to what a layout says of it. */
#ifndef INSPECT_TYPE_READING_H
#define INSPECT_TYPE_READING_H

#include "inspect/type_table.h"

/* The number of the type that `die` (a variable, a pointer, a function) is of; what qualifies a
 * type is looked through. Types that it leads to are met when they are read. */
uint32_t type_reading_of(struct type_table *table, Dwarf_Die *die);

/* Reads the entry `number`. */
void type_reading_one(struct type_table *table, uint32_t number);

/* Reads all that were met. False with `err`: there are too many, or no memory. */
bool type_reading_all(struct type_table *table, struct error *err);

#endif
