/* The data that a library's symbol table names, by address. */
#ifndef INSPECT_DATA_SYMBOLS_H
#define INSPECT_DATA_SYMBOLS_H

#include "inspect/debug_file.h"

#include <stddef.h>

struct data_symbol {
    uint64_t address, size;
    const char *name; /* lives as long as the file */
    bool unique;      /* STB_GNU_UNIQUE: one for all libraries that have it */
    bool known;       /* debug info has a variable for it: set by whoever finds that out */
};

struct data_symbols {
    struct data_symbol *list;    /* by address */
    struct data_symbol **guards; /* of C++, by name */
    size_t count, room, guard_count;
    bool failed; /* no memory */
};

/* False: no memory. */
bool data_symbols_read(struct data_symbols *symbols, const struct debug_file *file);
void data_symbols_finish(struct data_symbols *symbols);

/* The largest one that begins at `address`; NULL. */
struct data_symbol *data_symbols_at(struct data_symbols *symbols, uint64_t address);

/* The guard of this name, which begins with "_ZGV"; NULL. */
struct data_symbol *data_symbols_guard(const struct data_symbols *symbols, const char *name);

#endif
