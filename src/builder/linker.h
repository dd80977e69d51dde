/* The fastest linker that works with a compiler, found once and written down. */
#ifndef BUILDER_LINKER_H
#define BUILDER_LINKER_H

#include "base/error.h"
#include "builder/flags.h"
#include "builder/toolchain.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINKER_NAME_SIZE 32

/* Adds the names of those that are there, the fastest first: "mold", "gold", "lld", "bfd". */
bool linker_candidates(const char *const *env, struct flags *names);

/* A name that may stand in -fuse-ld: no options, no paths. */
bool linker_is_name(const char *name);

/* What the file `cache` has written down: of a compiler, and of linkers that there are. Other ones
 * have another key. */
uint64_t linker_key(const struct toolchain *toolchain, const struct flags *names);

/* What is written there; name[0] '\0': no linker is to be named. False: nothing is known. */
bool linker_recall(const char *cache, uint64_t key, char name[LINKER_NAME_SIZE]);

/* Writes it there, best effort. */
void linker_remember(const char *cache, uint64_t key, const char *name);

/* A command that succeeds when the compiler works with the linker `name`. It writes `output`. */
bool linker_probe(const struct toolchain *toolchain, const char *name, const char *output,
                  struct flags *argv);

#endif
