/* The module's variables, and the marks of hotrun_alloc among them. */
#ifndef INSPECT_VARIABLE_READING_H
#define INSPECT_VARIABLE_READING_H

#include "inspect/type_table.h"

#include "inspect/data_symbols.h"

struct found_variable {
    uint32_t file, function, name; /* strings of the draft */
    uint32_t type;                 /* of the table; LAYOUT_NONE: it is not known */
    uint32_t flags;
    const char *reason; /* NULL: it can be carried */
    uint64_t address;
    bool placed;  /* it has an address */
    bool removed; /* no entry of debug info tells of any place */
};

struct variable_reading {
    struct type_table *table;
    struct data_symbols symbols;
    struct found_variable *list;
    size_t count, room;
    struct found_mark {
        uint64_t address;
        uint32_t type; /* of the table */
    } * marks;
    size_t mark_count, marks_wanted;
    bool statics, failed;
};

/* Finds marks, and with `statics` all variables; the types of those that may be carried are met.
 * `first`: a DIE of the unit that most likely has the marks; NULL: none. False with `err`. */
bool variable_reading_all(struct variable_reading *reading, struct type_table *table, bool statics,
                          Dwarf_Die *first, struct error *err);

/* Once types are settled and in the draft: refuses what they refuse, and adds all to the draft. */
void variable_reading_emit(struct variable_reading *reading);

void variable_reading_finish(struct variable_reading *reading);

#endif
