/* The calls that an address of code stands for: its function, and where the compiler has inlined
 * functions, those that these were inlined into. */
#ifndef INSPECT_CALLS_H
#define INSPECT_CALLS_H

#include "inspect/object.h"

#include <stddef.h>

#define CALLS_MOST     32
#define CALL_NAME_SIZE 400

struct call {
    char function[CALL_NAME_SIZE]; /* qualified; "": not known */
    const char *file;   /* as the debug info has it; lives as long as the object; "": not known */
    const char *folder; /* that `file` starts from where it is relative; likewise */
    int line, column;   /* 0: not known */
    uint64_t past;      /* bytes behind the start of a function that is a mere symbol */
};

/* Fills `calls`, innermost first, and returns how many: at least one. `address` is in the file's
 * terms. */
size_t calls_find(struct object *object, Dwarf_Addr address, struct call calls[CALLS_MOST]);

/* The same at a glance: the line, and the symbol that it belongs to. What is inlined has no call of
 * its own. It takes microseconds, where calls_find may have to walk through megabytes. */
void calls_glance(struct object *object, Dwarf_Addr address, struct call *call);

#endif
