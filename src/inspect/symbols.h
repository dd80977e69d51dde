/* The functions that a symbol table names, by address. */
#ifndef INSPECT_SYMBOLS_H
#define INSPECT_SYMBOLS_H

#include <libelf.h>
#include <stdint.h>

struct symbols; /* opaque */

/* From .symtab, or .dynsym where that was stripped; none of them: an empty table. Names live as
 * long as `elf`. NULL: no memory. */
struct symbols *symbols_create(Elf *elf);
void symbols_destroy(struct symbols *symbols); /* NULL is allowed */

/* The function that holds `address` (in the file's terms) and how far behind its start that is.
 * NULL: none is known to. */
const char *symbols_find(const struct symbols *symbols, uint64_t address, uint64_t *past);

#endif
