#define _GNU_SOURCE /* memfd_create */
#include "link/shared.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      UINT64_C(0x31306e7572746f68) /* "hotrun01" */
#define PAGE_SIZE  4096U
#define PIECE_SIZE ((size_t)256 << 10)

/* What stands at the start of each slot; the bytes follow after one page. */
struct header {
    uint64_t magic;
    uint64_t check; /* of `snapshot`; 0 while the slot is being written */
    struct snapshot snapshot;
};

static const char *const phase_names[PHASE_COUNT] = {
    [PHASE_NONE] = "host",           [PHASE_LOAD] = "load",
    [PHASE_INIT] = "init",           [PHASE_STEP] = "step",
    [PHASE_SERIALIZE] = "serialize", [PHASE_DESERIALIZE] = "deserialize",
    [PHASE_EVENT] = "on_event",      [PHASE_FINI] = "fini",
    [PHASE_UNLOAD] = "unload"};

_Static_assert(sizeof(struct page) <= PAGE_SIZE, "the status page is one page");
_Static_assert(sizeof(struct crash_record) <= SHARED_CRASH_SIZE, "the crash record has its room");

const char *phase_name(enum phase phase)
{
    return phase_names[phase];
}

void snapshot_name(char room[SNAPSHOT_NAME_SIZE], const char *name)
{
    size_t len = strlen(name);
    if (len >= SNAPSHOT_NAME_SIZE) {
        len = SNAPSHOT_NAME_SIZE - 1;
        while (len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    memcpy(room, name, len);
    memset(room + len, 0, SNAPSHOT_NAME_SIZE - len);
}

static off_t slot_offset(const struct shared *shared, int slot)
{
    uint64_t room = (shared->limit + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE + PAGE_SIZE;
    return (off_t)(PAGE_SIZE + (uint64_t)slot * room);
}

/* Behind the slots. */
static off_t announce_offset(const struct shared *shared)
{
    return slot_offset(shared, SHARED_SLOT_COUNT);
}

static off_t crash_offset(const struct shared *shared)
{
    return announce_offset(shared) + (off_t)SHARED_ANNOUNCE_SIZE;
}

static bool identify(int fd, uint64_t *device, uint64_t *inode)
{
    struct stat st;
    bool ok = fstat(fd, &st) == 0;
    *device = ok ? (uint64_t)st.st_dev : 0;
    *inode = ok ? (uint64_t)st.st_ino : 0;
    return ok;
}

static bool is_still_ours(const struct shared *shared)
{
    uint64_t device, inode;
    return identify(shared->fd, &device, &inode) && device == shared->device &&
           inode == shared->inode;
}

static void *map(int fd, size_t size, off_t offset)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    if (at == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(at, size, MADV_DONTFORK);
    return at;
}

static bool map_page(struct shared *shared, struct error *err)
{
    shared->page = map(shared->fd, PAGE_SIZE, 0);
    return shared->page != NULL || error_errno(err, "cannot map the status page");
}

static bool map_crash(struct shared *shared, struct error *err)
{
    shared->crash = map(shared->fd, SHARED_CRASH_SIZE, crash_offset(shared));
    return shared->crash != NULL || error_errno(err, "cannot map the crash record");
}

bool shared_create(struct shared *shared, uint64_t limit, struct error *err)
{
    *shared = (struct shared){.fd = -1, .limit = limit};
    shared->fd = memfd_create("hotrun-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (shared->fd < 0) {
        return error_errno(err, "cannot create shared memory");
    }
    /* The seal keeps user code from cutting the file short under the supervisor's mapping. */
    if (ftruncate(shared->fd, crash_offset(shared) + (off_t)SHARED_CRASH_SIZE) != 0 ||
        fcntl(shared->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        error_errno(err, "cannot size shared memory");
    } else if (!identify(shared->fd, &shared->device, &shared->inode)) {
        error_errno(err, "cannot stat shared memory");
    } else if (map_page(shared, err) && map_crash(shared, err)) {
        shared->page->snapshot_limit = limit;
        return true;
    }
    shared_finish(shared);
    return false;
}

bool shared_attach(struct shared *shared, int fd, struct error *err)
{
    *shared = (struct shared){.fd = fd};
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return error_errno(err, "cannot stat shared memory");
    }
    uint64_t used = PAGE_SIZE + SHARED_ANNOUNCE_SIZE + SHARED_CRASH_SIZE;
    uint64_t room = ((uint64_t)st.st_size - used) / SHARED_SLOT_COUNT;
    if (st.st_size < (off_t)used || room < PAGE_SIZE) {
        return error_set(err, ERROR_INTERNAL, "shared memory of %lld bytes is too small",
                         (long long)st.st_size);
    }
    shared->device = (uint64_t)st.st_dev;
    shared->inode = (uint64_t)st.st_ino;
    if (!map_page(shared, err)) {
        return false;
    }
    shared->limit = shared->page->snapshot_limit;
    if (shared->limit > room - PAGE_SIZE) {
        return error_set(err, ERROR_INTERNAL, "shared memory is smaller than it says");
    }
    return map_crash(shared, err);
}

void shared_finish(struct shared *shared)
{
    if (shared->page != NULL) {
        (void)munmap(shared->page, PAGE_SIZE);
    }
    if (shared->crash != NULL) {
        (void)munmap(shared->crash, SHARED_CRASH_SIZE);
    }
    if (shared->fd >= 0) {
        close(shared->fd);
    }
    *shared = (struct shared){.fd = -1};
}

static bool write_at(int fd, const void *bytes, size_t len, off_t at)
{
    const char *from = bytes;
    while (len > 0) {
        ssize_t done = pwrite(fd, from, len, at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        from += done;
        at += done;
        len -= (size_t)done;
    }
    return true;
}

static bool read_at(int fd, void *bytes, size_t len, off_t at)
{
    char *to = bytes;
    while (len > 0) {
        ssize_t done = pread(fd, to, len, at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        to += done;
        at += done;
        len -= (size_t)done;
    }
    return true;
}

bool shared_announce(const struct shared *shared, const void *packet, size_t len)
{
    uint64_t size = len;
    off_t at = announce_offset(shared);
    return len <= SHARED_ANNOUNCE_SIZE - sizeof size && is_still_ours(shared) &&
           write_at(shared->fd, packet, len, at + (off_t)sizeof size) &&
           write_at(shared->fd, &size, sizeof size, at);
}

size_t shared_announcement(const struct shared *shared, void *buffer, size_t size)
{
    uint64_t len = 0;
    off_t at = announce_offset(shared);
    bool ok = read_at(shared->fd, &len, sizeof len, at) && len <= size &&
              read_at(shared->fd, buffer, (size_t)len, at + (off_t)sizeof len);
    return ok ? (size_t)len : 0;
}

/* As hash_bytes has it of the whole. */
static bool sum_parts(const struct shared_part *parts, size_t count, uint64_t *sum)
{
    if (count == 1) {
        *sum = hash_bytes(parts->bytes, parts->len);
        return true;
    }
    struct hash_stream *stream = hash_stream_create();
    if (stream == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        hash_stream_add(stream, parts[i].bytes, parts[i].len);
    }
    *sum = hash_stream_bytes(stream);
    hash_stream_destroy(stream);
    return true;
}

bool shared_publish_parts(const struct shared *shared, int slot, struct snapshot *snapshot,
                          const struct shared_part *parts, size_t count, struct error *err)
{
    uint64_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += parts[i].len;
    }
    if (len > shared->limit) {
        return error_set(err, ERROR_LIMIT, "the state takes %llu bytes, %llu are allowed",
                         (unsigned long long)len, (unsigned long long)shared->limit);
    }
    if (!is_still_ours(shared)) {
        return error_set(err, ERROR_REFUSED, "the module closed the descriptor of shared memory");
    }
    snapshot->len = len;
    if (!sum_parts(parts, count, &snapshot->checksum)) {
        return error_set(err, ERROR_SYSTEM, "no memory for a snapshot's checksum");
    }
    struct header header = {.magic = MAGIC, .snapshot = *snapshot};
    off_t start = slot_offset(shared, slot);
    off_t at = start + (off_t)PAGE_SIZE;
    bool ok = write_at(shared->fd, &header, sizeof header, start);
    for (size_t i = 0; ok && i < count; i++) {
        ok = write_at(shared->fd, parts[i].bytes, parts[i].len, at);
        at += (off_t)parts[i].len;
    }
    if (!ok) {
        return error_errno(err, "cannot write the snapshot to shared memory");
    }
    if (atomic_load_explicit(&shared->page->dying, memory_order_acquire) != 0) {
        return error_set(err, ERROR_REFUSED, "another thread has crashed");
    }
    header.check = hash_bytes(&header.snapshot, sizeof header.snapshot);
    return write_at(shared->fd, &header, sizeof header, start) ||
           error_errno(err, "cannot write the snapshot to shared memory");
}

bool shared_publish(const struct shared *shared, int slot, struct snapshot *snapshot,
                    const void *bytes, size_t len, struct error *err)
{
    return shared_publish_parts(shared, slot, snapshot, &(struct shared_part){bytes, len}, 1, err);
}

bool shared_peek(const struct shared *shared, int slot, struct snapshot *snapshot)
{
    struct header header;
    if (!read_at(shared->fd, &header, sizeof header, slot_offset(shared, slot)) ||
        header.magic != MAGIC ||
        header.check != hash_bytes(&header.snapshot, sizeof header.snapshot) ||
        header.snapshot.len > shared->limit ||
        memchr(header.snapshot.module, '\0', sizeof header.snapshot.module) == NULL ||
        header.snapshot.kind < SNAPSHOT_JSON || header.snapshot.kind > SNAPSHOT_PARTS) {
        return false;
    }
    *snapshot = header.snapshot;
    return true;
}

bool shared_read(const struct shared *shared, int slot, struct snapshot *snapshot,
                 struct text *bytes, struct error *err)
{
    text_clear(bytes);
    if (!shared_peek(shared, slot, snapshot)) {
        return error_set(err, ERROR_FORMAT, "there is no whole snapshot in slot %d", slot);
    }
    char *piece = malloc(PIECE_SIZE);
    bool ok = piece != NULL;
    off_t at = slot_offset(shared, slot) + (off_t)PAGE_SIZE;
    for (uint64_t done = 0; ok && done < snapshot->len;) {
        size_t len =
            snapshot->len - done < PIECE_SIZE ? (size_t)(snapshot->len - done) : PIECE_SIZE;
        ok = read_at(shared->fd, piece, len, at + (off_t)done) && text_append(bytes, piece, len);
        done += len;
    }
    free(piece);
    if (!ok) {
        return error_set(err, ERROR_SYSTEM, "no memory for a snapshot of %llu bytes",
                         (unsigned long long)snapshot->len);
    }
    return hash_bytes(text_string(bytes), bytes->len) == snapshot->checksum ||
           error_set(err, ERROR_FORMAT, "the snapshot in slot %d was written over", slot);
}

/* Copies through one piece of memory, however large the snapshot. */
static bool copy_slot(const struct shared *from, int slot, const struct shared *to, int to_slot,
                      char *piece)
{
    struct snapshot snapshot;
    if (!shared_peek(from, slot, &snapshot) || snapshot.len > to->limit) {
        return false;
    }
    /* A copy that stops on its way must not leave the old header over the new bytes. */
    struct header header = {.magic = 0};
    if (!write_at(to->fd, &header, sizeof header, slot_offset(to, to_slot))) {
        return false;
    }
    off_t in = slot_offset(from, slot) + (off_t)PAGE_SIZE;
    off_t out = slot_offset(to, to_slot) + (off_t)PAGE_SIZE;
    for (uint64_t done = 0; done < snapshot.len;) {
        size_t len = snapshot.len - done < PIECE_SIZE ? (size_t)(snapshot.len - done) : PIECE_SIZE;
        if (!read_at(from->fd, piece, len, in + (off_t)done) ||
            !write_at(to->fd, piece, len, out + (off_t)done)) {
            return false;
        }
        done += len;
    }
    /* The reader checks the bytes; a header over damaged ones says so there. */
    header = (struct header){.magic = MAGIC, .snapshot = snapshot};
    header.check = hash_bytes(&header.snapshot, sizeof header.snapshot);
    return write_at(to->fd, &header, sizeof header, slot_offset(to, to_slot));
}

unsigned shared_salvage(const struct shared *from, const struct shared *to, unsigned slots)
{
    unsigned copied = 0;
    char *piece = malloc(PIECE_SIZE);
    if (piece != NULL) {
        for (int slot = 0; slot < SHARED_SLOT_COUNT; slot++) {
            if ((slots & 1U << slot) != 0 && copy_slot(from, slot, to, slot, piece)) {
                copied |= 1U << slot;
            }
        }
        free(piece);
    }
    return copied;
}

bool shared_copy(const struct shared *shared, int slot, int to_slot)
{
    char *piece = malloc(PIECE_SIZE);
    bool ok = piece != NULL && copy_slot(shared, slot, shared, to_slot, piece);
    free(piece);
    return ok;
}
