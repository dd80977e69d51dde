/* The members of structs, unions and classes: fields, bases, and the marks of hotrun.h among them.
 */
#ifndef INSPECT_FIELD_READING_H
#define INSPECT_FIELD_READING_H

#include "inspect/type_table.h"

/* Fills in the entry of a struct, union or class. */
void field_reading_all(struct type_table *table, uint32_t number);

/* A pointer to a member: of functions it is a struct of two. */
void field_reading_member_pointer(struct type_table *table, uint32_t number);

#endif
