/* Where a variable lies, and whether its value can be carried over from there. */
#ifndef INSPECT_VARIABLE_PLACE_H
#define INSPECT_VARIABLE_PLACE_H

#include "inspect/data_symbols.h"
#include "inspect/debug_file.h"

enum place {
    PLACE_NONE,   /* debug info tells of none: an automatic one, or one that was removed */
    PLACE_MOVING, /* it is no variable of one place: a register, the stack */
    PLACE_PARTS,  /* the compiler took it apart */
    PLACE_THREAD, /* each thread has its own */
    PLACE_PLAIN
};

#define PLACE_PARTS_MOST 16

struct place_found { /* PLACE_PLAIN: one address; PLACE_PARTS: those of the parts that have one */
    enum place place;
    uint64_t addresses[PLACE_PARTS_MOST];
    size_t count;
};

struct place_found variable_place_find(Dwarf_Die *variable);

/* Why what lies at `address` cannot be carried, as a sentence; NULL: it can. `size`: by debug info.
 * *reset: it stands in the section of HOTRUN_RESET. */
const char *variable_place_refuse(const struct debug_file *file, struct data_symbols *symbols,
                                  uint64_t address, uint64_t size, bool *reset);

/* Whether the variable is of a const type. */
bool variable_place_const(Dwarf_Die *variable);

#endif
