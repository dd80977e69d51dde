/* A loaded shared library. [main thread of the host; user code runs inside of open and close:
 * constructors and destructors] */
#ifndef MODULE_LIBRARY_H
#define MODULE_LIBRARY_H

#include "base/error.h"
#include "base/text.h"
#include "hotrun/hotrun.h"
#include "module/elf_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct library; /* opaque */

/* dlopen(RTLD_NOW | RTLD_LOCAL) of `path`, which must not have been opened in this process before.
 * `name` is what messages call it ("libgame.so"). NULL with a sentence for a person: "undefined
 * symbol draw_hud, used by libgame.so, defined nowhere"; "libm.so.9, needed by libgame.so, was not
 * found". A library built with a sanitizer whose runtime is not loaded is refused before dlopen
 * (which would end the process): the sentence holds the --wrap line that helps. `facts`:
 * what elf_file_check() found when the file was staged; NULL: they are read from the file. */
struct library *library_open(const char *path, const char *name, const struct elf_facts *facts,
                             struct error *err);

/* The entry table, checked as far as one library alone can be: it is there (as the symbol
 * hotrun_module_table) and inside of this library, its size covers the fields of ABI 1.0, the major
 * version is ours, alignment is a power of two up to 4096, `step` is set, serialize and deserialize
 * come together, name is a string inside of the library, every function pointer lies in this
 * library's own executable mapping. Unknown bits of `flags` and a size larger than ours are
 * accepted and ignored: a later minor version may have them. Whatever stands there under that name,
 * nothing beyond the library's own segments is read. NULL with the reason and the remedy. */
const hotrun_module *library_table(const struct library *library, struct error *err);

/* Symbols that the library defines, but whose use inside of it was bound to somebody else's
 * definition (the host's, libc's): appends a sentence per symbol, separated by '\n', at most 8 and
 * then how many more. Weak ones aside. Returns the count. Looks at x86-64 and 64-bit ARM; elsewhere
 * 0.
 */
size_t library_strays(const struct library *library, struct text *out);

/* True if the address lies in the library's own mapping. */
bool library_contains(const struct library *library, const void *address);

/* Calls `visit` for what the library may write of its own mapping: its variables, in one piece for
 * each segment. Each begins at a multiple of 8. */
void library_each_data(const struct library *library,
                       void (*visit)(void *ctx, const void *bytes, size_t size), void *ctx);

/* What is added to the addresses of the file; the size of the mapping. */
uintptr_t library_base(const struct library *library);
size_t library_mapped(const struct library *library);

/* Frees `library` and leaves what it loaded in the process for good. NULL is allowed. */
void library_abandon(struct library *library);

/* dlclose and free `library`. True when it is gone from the process. False when it stays resident:
 * `reason` says why
 * ("it exports a unique symbol, foo (a C++ inline variable or template static)", "linked with -z
 * nodelete", ...). NULL is allowed and true. */
bool library_close(struct library *library, struct error *reason);

#endif
