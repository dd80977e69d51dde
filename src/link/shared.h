/* The memory that supervisor and host share: one memfd with the status page and room for snapshots.
 * Snapshots are written and read through the descriptor and never mapped, so that no stray pointer
 * of user code reaches them. One that is torn or written over is recognised by its checksums and
 * never read. */
#ifndef LINK_SHARED_H
#define LINK_SHARED_H

#include "base/error.h"
#include "base/text.h"
#include "link/crash.h"
#include "link/page.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARED_ANNOUNCE_SIZE                                                                       \
    (UINT64_C(132) << 10) /* behind the slots: a length and a packet, whole pages */

#define SHARED_CRASH_SIZE (UINT64_C(16) << 10) /* behind it: struct crash_record */

enum {
    SHARED_TURN_0, /* published while running: these two in turn */
    SHARED_TURN_1,
    SHARED_PIN_0, /* from before a swap: which of these are free, the supervisor knows */
    SHARED_PIN_1,
    SHARED_PIN_2,
    SHARED_PIN_3,
    SHARED_PIN_4,
    SHARED_SLOT_COUNT
};

enum snapshot_kind {
    SNAPSHOT_JSON = 1,
    SNAPSHOT_IMAGE = 2, /* the bytes of the state buffer */
    SNAPSHOT_PARTS = 3  /* an image with its head (layout/image.h) */
};

enum snapshot_why {
    SNAPSHOT_START = 1,
    SNAPSHOT_SWAP,   /* from before a swap */
    SNAPSHOT_RELOAD, /* of the new code, right after it took over */
    SNAPSHOT_REQUEST,
    SNAPSHOT_EXIT,
    SNAPSHOT_INTERVAL,
    SNAPSHOT_COMMAND /* before a command that puts another state in its place */
};

#define SNAPSHOT_NAME_SIZE 64

struct snapshot {      /* the envelope */
    uint64_t sequence; /* grows over all hosts of a run */
    uint64_t generation;
    uint64_t step;    /* index of the next step */
    uint64_t time_ns; /* wall clock, since 1970 */
    uint64_t len;     /* bytes of the state's text or image */
    uint64_t checksum;
    uint64_t layout;                          /* PARTS: which layout it needs */
    uint32_t kind, why, state_version, flags; /* flags: of the hotrun_module that made it */
    char module[SNAPSHOT_NAME_SIZE];          /* its name, as snapshot_name cuts it */
};

struct shared {
    struct page *page;
    struct crash_record *crash; /* mapped, as the page is */
    int fd;
    uint64_t device, inode; /* of the file that fd was at first */
    uint64_t limit;         /* most bytes of one snapshot */
};

/* Copies a module's name (UTF-8); one that is too long is cut between two characters. */
void snapshot_name(char room[SNAPSHOT_NAME_SIZE], const char *name);

/* New shared memory with room for snapshots of `limit` bytes (sparse: it costs what is touched). */
bool shared_create(struct shared *shared, uint64_t limit, struct error *err);

/* The host's end of it: takes `fd` over. */
bool shared_attach(struct shared *shared, int fd, struct error *err);

void shared_finish(struct shared *shared);

struct shared_part {
    const void *bytes;
    size_t len;
};

/* Writes a snapshot into `slot`, its parts one behind the other; fills in its len and checksum.
 * Interrupted at any point, the slot reads as empty; also when the page says by then that a thread
 * of this process has crashed. Nothing is written where user code closed the descriptor and has a
 * file of its own by its number. */
bool shared_publish_parts(const struct shared *shared, int slot, struct snapshot *snapshot,
                          const struct shared_part *parts, size_t count, struct error *err);

/* The same of one part. */
bool shared_publish(const struct shared *shared, int slot, struct snapshot *snapshot,
                    const void *bytes, size_t len, struct error *err);

/* The envelope in `slot`. False: empty, torn or nonsense. Does not look at the bytes. */
bool shared_peek(const struct shared *shared, int slot, struct snapshot *snapshot);

/* The envelope and the bytes, checked. `bytes` is cleared first. */
bool shared_read(const struct shared *shared, int slot, struct snapshot *snapshot,
                 struct text *bytes, struct error *err);

/* Puts the packet of an ACCEPTED where the supervisor finds it. The first step of a generation
 * comes before its packet is sent, because the send costs as much as the rest of a small swap;
 * should that step block or die, the supervisor reads it here. */
bool shared_announce(const struct shared *shared, const void *packet, size_t len);

/* The packet, into buffer[0..size). Returns its length; 0: none, or too large. */
size_t shared_announcement(const struct shared *shared, void *buffer, size_t size);

/* Copies each valid snapshot of `from` in the `slots` (a bit set) to the same slot of `to`, in
 * pieces. Returns a bit set of the slots that `to` has then. */
#define SHARED_SLOTS_ALL     ((1U << SHARED_SLOT_COUNT) - 1)
#define SHARED_SLOTS_IN_TURN (1U << SHARED_TURN_0 | 1U << SHARED_TURN_1)
unsigned shared_salvage(const struct shared *from, const struct shared *to, unsigned slots);

/* Copies the snapshot in `slot` to `to_slot` of the same memory. */
bool shared_copy(const struct shared *shared, int slot, int to_slot);

#endif
