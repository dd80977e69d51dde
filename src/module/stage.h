/* The private copy of a library that was just written: read, fingerprinted, checked and written in
 * one pass, so that the bytes that were checked are the bytes that will run. */
#ifndef MODULE_STAGE_H
#define MODULE_STAGE_H

#include "base/error.h"
#include "base/hash.h"
#include "module/elf_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum stage_outcome {
    STAGE_COPIED,  /* copy, size, hash, facts are set; the caller owns the file */
    STAGE_SAME,    /* size and bytes are those of `known`: nothing was kept */
    STAGE_MISSING, /* nothing has that name, or a folder on the way is missing */
    STAGE_BUSY,  /* somebody has it open for writing, or it changed while it was read: an event will
                    follow */
    STAGE_BAD,   /* not a whole library for this machine: err says why; size and hash are set for a
                    regular file */
    STAGE_FAILED /* the source cannot be read, or the copy cannot be written: err says which */
};

struct stage {
    uint64_t size;
    struct hash hash;
    struct stat source; /* as it was when read */
    struct elf_facts facts;
};

/* Copies the library `source` to `name` in the folder `dir_fd` (created new, mode 0700, never an
 * existing file). A change of mode, owner or links while it is read, which no event follows, is no
 * reason for STAGE_BUSY: it is read again. More than 4 GB are not read. Symbolic links in `source`
 * are followed. `known` (may be NULL): the fingerprint for STAGE_SAME. On every outcome but
 * STAGE_COPIED no file is left. `ready` (NULL: none): what stage_prepare gave for this name, -1
 * once it is used up. */
enum stage_outcome stage_copy(const char *source, int dir_fd, const char *name, int *ready,
                              const struct hash *known, struct stage *stage, struct error *err);

/* Creates the file for a copy ahead of time, which takes as long as the rest of a small copy. -1:
 * stage_copy will create it. */
int stage_prepare(int dir_fd, const char *name);

/* True when `source` is open for writing somewhere, as far as the kernel tells (a lease test; false
 * where it does not). A writer that comes during the test waits for the microseconds that it takes;
 * no signal that the kernel sends then has an effect. */
bool stage_has_writer(const char *source);

#endif
