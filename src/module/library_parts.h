/* What library.c, table.c, strays.c, residency.c and load_error.c share. Private to this folder. */
#ifndef MODULE_LIBRARY_PARTS_H
#define MODULE_LIBRARY_PARTS_H

#include "base/error.h"
#include "module/elf_file.h"
#include "module/library.h"
#include "module/mapping.h"

struct library {
    void *handle;
    char *path; /* as given to dlopen */
    char *name; /* as messages call it */
    struct elf_facts facts;
    struct mapping mapping;
};

/* Fills `err` from dlerror() in the words of a person. */
void load_error_fill(const char *path, const char *name, struct error *err);

/* False with the reason when the library's sanitizer has no runtime in this process. */
bool load_sanitizer_check(const struct elf_facts *facts, const char *name, struct error *err);

/* Who owns `address`: "libc's step", "libm.so.6", ...; "" when nobody is known. Returns `out`. */
const char *library_owner(const void *address, char *out, size_t len);

/* True when the library is still in the process after its dlclose; `reason` says why. */
bool residency_find(const struct library *library, struct error *reason);

#endif
