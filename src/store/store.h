/* The folder `snapshots/` of a run directory: durable snapshots under growing numbers, the newest
 * of them once more as latest.json, and no more than a few old ones. A file is there whole or not
 * at all, also after a loss of power. [one thread at a time] */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/error.h"
#include "base/text.h"
#include "store/envelope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store; /* opaque */

struct store_entry {
    uint64_t id;
    uint64_t size;            /* of the file */
    bool readable;            /* the head, unchecked; else `snapshot` is empty */
    struct snapshot snapshot; /* len, time_ns, generation, step, why */
};

/* `run_dir_fd` and `run_dir` (its path, for messages) are borrowed. `history`: how many snapshots
 * stay, at least 1. What a crash left half-written is removed. The folder itself is made when it is
 * first needed, and again when it has gone. NULL: no memory. */
struct store *store_create(int run_dir_fd, const char *run_dir, unsigned history);
/* Only to look at what is there, also while somebody else stores. */
struct store *store_view(int run_dir_fd, const char *run_dir);
void store_destroy(struct store *store);

/* Stores a file's bytes under the next number, makes latest.json name it, and lets the oldest go.
 * Returns when it is on the disk. False: nothing half-written is left and what was there is there;
 * the new one may be, when only its second name could not be had. */
bool store_put(struct store *store, const char *bytes, size_t len, uint64_t *id, struct error *err);

/* The numbers that are there, newest first. False: the folder cannot be read; none is no error. The
 * caller frees *ids. */
bool store_ids(const struct store *store, uint64_t **ids, size_t *count, struct error *err);

/* What a list shows of one of them. */
bool store_look(const struct store *store, uint64_t id, struct store_entry *entry,
                struct error *err);

/* Its bytes, at most `limit` of them. */
bool store_read(const struct store *store, uint64_t id, size_t limit, struct text *bytes,
                struct error *err);

/* RUN_DIR/snapshots/00000042.json. Caller frees; NULL: no memory. */
char *store_path(const struct store *store, uint64_t id);

#endif
