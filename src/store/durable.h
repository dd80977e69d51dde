/* Brings snapshots from shared memory to the disk, on a worker thread: one after the other, never
 * two at once. The snapshot may be written over while it is read; its checksum tells, and the
 * newest whole one is taken then. What was written is read back as a stranger would read it before
 * it gets its name. Images of states with a layout become JSON on their way. [supervisor's loop
 * thread, but for the work itself] */
#ifndef STORE_DURABLE_H
#define STORE_DURABLE_H

#include "base/error.h"
#include "layout/layout_set.h"
#include "link/shared.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct durable; /* opaque */

struct durable_outcome {
    bool ok;      /* it is in the store, and the copy or file is where it was wanted */
    bool stored;  /* it is in the store */
    bool fresh;   /* and was written there by this */
    bool useless; /* not ok, and no fault: the bytes of such a state mean nothing elsewhere */
    uint64_t id;
    struct snapshot snapshot;
    uint64_t took_ns;
    struct error err;
};

/* What becomes of each durable_submit, in their order, and of each durable_keep, in theirs. `call`
 * is what was given to it. */
typedef void durable_done(void *ctx, void *call, const struct durable_outcome *outcome);

/* `store` is borrowed, and nobody else's meanwhile. So is `layouts`: those that images need, as
 * they are when durable_submit is called. NULL: no memory. */
struct durable *durable_create(uv_loop_t *loop, struct store *store,
                               const struct layout_set *layouts, durable_done *done, void *ctx);

/* After durable_flush, and after the loop has run out. NULL is allowed. */
void durable_destroy(struct durable *durable);

/* Stores the snapshot in `slot`. `copy`: an absolute path where the file goes, too; NULL: none.
 * What is in the store already is not stored again. False: it could not be begun, and `done` is not
 * called. */
bool durable_submit(struct durable *durable, const struct shared *shared, int slot,
                    const char *copy, void *call, struct error *err);

/* Writes this very snapshot as the file `name` in the folder `folder_fd`, which is taken over, when
 * nothing waits for the store any more; the store does not get it, and the disk is not waited for.
 * False: as above. */
bool durable_keep(struct durable *durable, const struct shared *shared, int slot, int folder_fd,
                  const char *name, void *call, struct error *err);

/* Something is being put into the store, or waits for it. */
bool durable_is_busy(const struct durable *durable);

/* The sequence of the snapshot that was stored last; 0: none was. */
uint64_t durable_sequence(const struct durable *durable);

/* The snapshot with this sequence is `id` in the store; 0: it needs no storing. */
void durable_set_stored(struct durable *durable, uint64_t sequence, uint64_t id);

/* Blocks until all that was submitted is done, and told; what durable_keep was given goes on. */
void durable_flush_store(struct durable *durable);

/* Blocks until that is done, too. */
void durable_flush(struct durable *durable);

#endif
