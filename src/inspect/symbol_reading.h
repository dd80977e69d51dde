/* What of a library pointers can lead to: its functions and objects by name, the text of its
 * literals, and how much memory it takes. */
#ifndef INSPECT_SYMBOL_READING_H
#define INSPECT_SYMBOL_READING_H

#include "inspect/debug_file.h"
#include "layout/draft.h"

/* Calls `take` for each symbol that the library defines, with the name of the source when it is a
 * local one (NULL: it is none, or not known). From .symtab, else .dynsym. */
typedef void symbol_take(void *ctx, const GElf_Sym *symbol, const char *name, const char *source);
void symbol_reading_each(const struct debug_file *file, symbol_take *take, void *ctx);

/* Adds the functions and objects to the draft. */
void symbol_reading_all(const struct debug_file *file, struct draft *draft);

/* Fills in what the library takes in memory, and with `text` the bytes that have its literals,
 * which live as long as `file`. */
void symbol_reading_library(const struct debug_file *file, bool text,
                            struct draft_library *library);

#endif
