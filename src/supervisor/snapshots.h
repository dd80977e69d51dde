/* Which snapshots become durable, and when. The store's work is done on a worker thread, and never
 * in the step path. [supervisor's loop thread] */
#ifndef SUPERVISOR_SNAPSHOTS_H
#define SUPERVISOR_SNAPSHOTS_H

#include "base/error.h"
#include "base/text.h"
#include "link/message.h"
#include "link/shared.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct control_call;
struct store;
struct supervisor;

/* After the run directory is open and the timers are there. False: no memory. */
bool snapshots_create(struct supervisor *sup, struct error *err);

/* After the loop has run out. */
void snapshots_destroy(struct supervisor *sup);

/* TIMER_DURABLE: the newest proven snapshot is stored, if it is not yet. */
void snapshots_due(struct supervisor *sup);

/* The newest one is stored at once, proven or not: something is about to be put in its place. */
void snapshots_keep(struct supervisor *sup);

/* The layout of what runs is known now, or never will be: `hotrun snapshot` may have waited. */
void snapshots_go_on(struct supervisor *sup);

/* The host has published one, or can't. */
void snapshots_published(struct supervisor *sup, const struct message_published *published);

/* The host is gone: those who wait for its state are told. */
void snapshots_host_died(struct supervisor *sup);

/* Writes the snapshot in `slot` of sup->memory as the file `name` in the folder `folder_fd`, which
 * is taken over, on the worker thread; `saved` is told, at the latest at snapshots_end. False with
 * `err`: it could not be begun, and `saved` is not called. */
typedef void snapshots_saved(struct supervisor *sup, void *ctx, bool ok, const struct error *err);
bool snapshots_save(struct supervisor *sup, int slot, int folder_fd, const char *name,
                    snapshots_saved *saved, void *ctx, struct error *err);

/* The run is over: what is newer than the store is stored before this returns. */
void snapshots_end(struct supervisor *sup);

/* `durable` of the status. */
void snapshots_add_status(const struct supervisor *sup, cJSON *status);

/* Why the newest one is not on disk; NULL: it is, or none was to be stored so far. Borrowed, until
 * the next one. */
const char *snapshots_unstored(const struct supervisor *sup);

/* The control method `snapshot`. */
void snapshots_command(struct supervisor *sup, const cJSON *params, struct control_call *call);

/* While nothing runs: which slot of sup->memory has the last good state, and what that is. False:
 * there is none. */
bool snapshots_last_good(const struct supervisor *sup, struct snapshot *snapshot, int *slot,
                         struct error *err);

/* Borrowed, and only for reading; what is there may change at any time. */
struct store *snapshots_store(const struct supervisor *sup);

/* The snapshot with this sequence in shared memory is in the store as `id`; 0: need not be. */
void snapshots_set_stored(struct supervisor *sup, uint64_t sequence, uint64_t id, uint64_t step);

/* The number under which the snapshot with this sequence was stored last; 0: it is another one. */
uint64_t snapshots_stored_id(const struct supervisor *sup, uint64_t sequence);

#endif
