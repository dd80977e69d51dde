#define _GNU_SOURCE
#include "module/stage.h"

#include "base/file.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PIECE = 256 * 1024,
    MOST_ATTEMPTS = 4
};

#define SIZE_MOST ((off_t)4 << 30)

/* One attempt to copy. */
struct pass {
    int source, dir, copy; /* copy: -1 until it exists */
    int *ready;            /* a file that is there already for it; NULL or -1: none */
    const char *name;      /* of the copy */
    const char *shown;     /* what messages call the source */
    const struct hash *known;
    struct stage *stage;
    struct error *err;
    unsigned char *piece;
    size_t room;
    struct hash_stream *hash;
};

/* A read lease is granted only while nobody has the file open for writing; it is given back at
 * once. A writer that comes in between waits for these microseconds, and the holder gets a signal.
 * Its default, SIGIO, would end the process, so it is set to SIGURG, which is ignored by default
 * and which nobody else here waits for; as it is below SIGRTMIN the kernel never falls back to
 * SIGIO when its queue is full. No signal mask or handler is touched: those are the program's. */
static bool has_writer(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0) {
        return false;
    }
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) {
        return errno == EAGAIN;
    }
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

static int open_source(const char *source)
{
    /* O_NONBLOCK: a FIFO must not make it wait for a writer. */
    return open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

bool stage_has_writer(const char *source)
{
    struct stat st;
    int fd = open_source(source);
    if (fd < 0) {
        return false;
    }
    bool found = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && has_writer(fd);
    (void)close(fd);
    return found;
}

static enum stage_outcome outcome_of_open(const char *source, const char *shown, struct error *err)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        (void)error_set(err, ERROR_MISSING, "%s does not exist", source);
        return STAGE_MISSING;
    case EWOULDBLOCK: /* another process holds a write lease on it */
    case ETXTBSY:
        (void)error_set(err, ERROR_BUSY, "%s is open for writing", shown);
        return STAGE_BUSY;
    case ENXIO:
        (void)error_set(err, ERROR_FORMAT, "%s is a socket or device, not a library", shown);
        return STAGE_BAD;
    default:
        (void)error_errno(err, "cannot open %s", source);
        return STAGE_FAILED;
    }
}

static enum stage_outcome busy(struct pass *pass, const char *why)
{
    (void)error_set(pass->err, ERROR_BUSY, "%s %s", pass->shown, why);
    return STAGE_BUSY;
}

/* At most a piece; fewer bytes than that only at the end of the file. -1: errno. */
static ssize_t read_piece(struct pass *pass, size_t want)
{
    size_t len = 0;
    while (len < want) {
        ssize_t got = read(pass->source, pass->piece + len, want - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    return (ssize_t)len;
}

/* A file that was prepared, unless somebody has removed it since. */
static bool take_ready(struct pass *pass)
{
    struct stat st;
    if (pass->ready == NULL || *pass->ready < 0) {
        return false;
    }
    pass->copy = *pass->ready;
    *pass->ready = -1;
    if (fstat(pass->copy, &st) == 0 && st.st_nlink > 0 && st.st_size == 0) {
        return true;
    }
    (void)close(pass->copy);
    (void)unlinkat(pass->dir, pass->name, 0); /* its name is needed */
    pass->copy = -1;
    return false;
}

int stage_prepare(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
}

static bool create_copy(struct pass *pass)
{
    if (take_ready(pass)) {
        return true;
    }
    pass->copy = stage_prepare(pass->dir, pass->name);
    return pass->copy >= 0 ||
           error_errno(pass->err, "cannot create the private copy %s", pass->name);
}

static bool write_copy(struct pass *pass, size_t len)
{
    return file_write_all(pass->copy, pass->piece, len) ||
           error_errno(pass->err, "cannot write the private copy %s", pass->name);
}

/* Reads to the end. STAGE_COPIED: all of it was hashed, and written if there is a copy. */
static enum stage_outcome read_rest(struct pass *pass, size_t in_piece)
{
    uint64_t total = 0;
    while (in_piece > 0) {
        total += in_piece;
        hash_stream_add(pass->hash, pass->piece, in_piece);
        if (pass->copy >= 0 && !write_copy(pass, in_piece)) {
            return STAGE_FAILED;
        }
        if (total > pass->stage->size) {
            break;
        }
        ssize_t got = read_piece(pass, pass->room);
        if (got < 0) {
            (void)error_errno(pass->err, "cannot read %s", pass->shown);
            return STAGE_FAILED;
        }
        in_piece = (size_t)got;
    }
    pass->stage->hash = hash_stream_end(pass->hash);
    return total == pass->stage->size ? STAGE_COPIED : busy(pass, "changed while it was read");
}

static enum stage_outcome refuse(struct pass *pass, const struct error *why)
{
    if (why->code != ERROR_FORMAT) {
        (void)error_set(pass->err, why->code, "%s: %s", pass->shown, why->text);
        return STAGE_FAILED;
    }
    (void)error_set(pass->err, ERROR_FORMAT, "%s is not a %s: %s", pass->shown,
                    pass->stage->facts.incomplete ? "complete library yet" : "usable library",
                    why->text);
    return STAGE_BAD;
}

static bool is_known(const struct pass *pass)
{
    return pass->known != NULL && hash_equal(*pass->known, pass->stage->hash);
}

/* What has no ELF header gets no copy, however large it is. */
static enum stage_outcome read_foreign(struct pass *pass, size_t in_piece)
{
    struct error why;
    enum stage_outcome outcome = read_rest(pass, in_piece);
    if (outcome != STAGE_COPIED) {
        return outcome;
    }
    if (is_known(pass)) {
        return STAGE_SAME;
    }
    if (elf_file_check(pass->source, pass->stage->size, &pass->stage->facts, &why)) {
        return busy(pass, "changed while it was read");
    }
    return refuse(pass, &why);
}

static enum stage_outcome read_and_check(struct pass *pass)
{
    struct error why;
    ssize_t first = read_piece(pass, pass->room);
    if (first < 0) {
        (void)error_errno(pass->err, "cannot read %s", pass->shown);
        return STAGE_FAILED;
    }
    size_t len = (size_t)first;
    if (len < 4 || memcmp(pass->piece, "\177ELF", 4) != 0) {
        return read_foreign(pass, len);
    }
    /* A file that fits the piece is known by its hash before a copy is made. */
    bool whole = len < pass->room;
    if (whole && len == pass->stage->size) {
        hash_stream_add(pass->hash, pass->piece, len);
        pass->stage->hash = hash_stream_end(pass->hash);
        if (is_known(pass)) {
            return STAGE_SAME;
        }
        if (!create_copy(pass) || !write_copy(pass, len)) {
            return STAGE_FAILED;
        }
    } else {
        if (!create_copy(pass)) {
            return STAGE_FAILED;
        }
        enum stage_outcome outcome = read_rest(pass, len);
        if (outcome != STAGE_COPIED) {
            return outcome;
        }
        if (is_known(pass)) {
            return STAGE_SAME;
        }
    }
    bool good = whole ? elf_bytes_check(pass->piece, pass->stage->size, &pass->stage->facts, &why)
                      : elf_file_check(pass->copy, pass->stage->size, &pass->stage->facts, &why);
    if (!good) {
        return refuse(pass, &why);
    }
    return STAGE_COPIED;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Whether what was read is one state of the file. *again: nothing was written, but mode, owner or
 * links changed, or the time was set: bfd's chmod behind its close does that, and no event follows
 * it, so it is not for the caller to wait. */
static enum stage_outcome confirm(struct pass *pass, enum stage_outcome outcome, bool *again)
{
    const struct stat *before = &pass->stage->source;
    struct stat after;
    if (fstat(pass->source, &after) != 0) {
        (void)error_errno(pass->err, "cannot stat %s", pass->shown);
        return STAGE_FAILED;
    }
    if (after.st_size != before->st_size || !same_time(after.st_mtim, before->st_mtim)) {
        return busy(pass, "changed while it was read");
    }
    if (has_writer(pass->source)) {
        return busy(pass, "is open for writing");
    }
    if (!same_time(after.st_ctim, before->st_ctim)) {
        *again = true;
        return busy(pass, "changed while it was read");
    }
    return outcome;
}

static enum stage_outcome run_pass(struct pass *pass, bool *again)
{
    enum stage_outcome outcome = STAGE_FAILED;
    struct stat *st = &pass->stage->source;
    *again = false;
    if (fstat(pass->source, st) != 0) {
        (void)error_errno(pass->err, "cannot stat %s", pass->shown);
        return STAGE_FAILED;
    }
    if (!S_ISREG(st->st_mode)) {
        (void)error_set(pass->err, ERROR_FORMAT, "%s is %s, not a library", pass->shown,
                        S_ISDIR(st->st_mode)    ? "a folder"
                        : S_ISFIFO(st->st_mode) ? "a FIFO"
                                                : "a device");
        return STAGE_BAD;
    }
    if (st->st_size > SIZE_MOST) {
        (void)error_set(pass->err, ERROR_LIMIT, "%s has more than 4 GB", pass->shown);
        return STAGE_BAD;
    }
    /* A small file is read first and asked about afterwards, in confirm(): that alone is enough. */
    if (st->st_size >= PIECE && has_writer(pass->source)) {
        return busy(pass, "is open for writing");
    }
    pass->stage->size = (uint64_t)st->st_size;
    /* One byte more than the file has, so that the first read sees its end. */
    pass->room = pass->stage->size < PIECE ? (size_t)pass->stage->size + 1 : PIECE;
    pass->piece = malloc(pass->room);
    pass->hash = hash_stream_create();
    if (pass->piece == NULL || pass->hash == NULL) {
        (void)error_set(pass->err, ERROR_SYSTEM, "no memory to copy %s", pass->shown);
    } else {
        outcome = read_and_check(pass);
        if (outcome == STAGE_COPIED || outcome == STAGE_SAME || outcome == STAGE_BAD) {
            outcome = confirm(pass, outcome, again);
        }
    }
    hash_stream_destroy(pass->hash);
    free(pass->piece);
    if (pass->copy >= 0) {
        (void)close(pass->copy);
        if (outcome != STAGE_COPIED) {
            (void)unlinkat(pass->dir, pass->name, 0);
        }
        pass->copy = -1;
    }
    return outcome;
}

enum stage_outcome stage_copy(const char *source, int dir_fd, const char *name, int *ready,
                              const struct hash *known, struct stage *stage, struct error *err)
{
    const char *shown = path_base(source);
    memset(stage, 0, sizeof *stage);
    int fd = open_source(source);
    if (fd < 0) {
        return outcome_of_open(source, shown, err);
    }
    struct pass pass = {.source = fd,
                        .dir = dir_fd,
                        .copy = -1,
                        .ready = ready,
                        .name = name,
                        .shown = shown,
                        .known = known,
                        .stage = stage,
                        .err = err};
    enum stage_outcome outcome = STAGE_BUSY;
    bool again = true;
    for (int i = 0; again && i < MOST_ATTEMPTS; i++) {
        if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE) {
            (void)error_errno(err, "cannot read %s", shown);
            outcome = STAGE_FAILED;
            break;
        }
        outcome = run_pass(&pass, &again);
    }
    (void)close(fd);
    return outcome;
}
