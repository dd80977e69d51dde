/* A snapshot as a file: one JSON document that a person can read, whose state stands there byte for
 * byte as the module wrote it. [any thread]
 *
 *   {"hotrun":"snapshot/1","check":"CHECK","module":"game","state_version":1,"generation":4,
 *   "step":81204,"time":"2026-01-31T12:54:32.123456789Z","why":"interval","kind":"json","flags":0,
 *   "bytes":1234,"state":STATE}
 *
 * in one line, with a newline behind it. CHECK is the XXH3 (128 bits, 32 hexadecimal digits) of all
 * that stands behind its own comma, so that a file that was cut, damaged or edited is recognised.
 * STATE is the text (kind "json") or base64 in a string (kind "image": the bytes of the state's
 * memory). A file without "check" was edited by hand: it may be spaced as one likes, and the caller
 * decides whether it is wanted. */
#ifndef STORE_ENVELOPE_H
#define STORE_ENVELOPE_H

#include "base/error.h"
#include "base/text.h"
#include "link/shared.h"

#include <stddef.h>
#include <stdint.h>

#define ENVELOPE_HEAD_MAX ((size_t)2048) /* all that stands before the state */

enum envelope_verdict {
    ENVELOPE_WHOLE,
    ENVELOPE_UNCHECKED, /* readable, but without its checksum */
    ENVELOPE_TORN,      /* cut short */
    ENVELOPE_DAMAGED,   /* edited or damaged */
    ENVELOPE_FOREIGN,   /* no snapshot of hotrun */
    ENVELOPE_NEWER,     /* of a format that this hotrun does not know */
    ENVELOPE_FAILED     /* no memory */
};

struct envelope {
    struct snapshot snapshot; /* sequence 0 */
    const char *state;        /* snapshot.len bytes, in the file's text or in `image` */
    struct text image;
};

/* "interval", "exit": the word of an enum snapshot_why; NULL: there is none. */
const char *envelope_why(uint32_t why);

/* The longest file of a state of `limit` bytes. */
uint64_t envelope_size_max(uint64_t limit);

/* Appends the file of `snapshot`, whose bytes (snapshot->len) are `state`. */
bool envelope_write(struct text *file, const struct snapshot *snapshot, const void *state,
                    struct error *err);

/* Reads a file's bytes, which must outlive the envelope. `err` says what is wrong with those that
 * are neither WHOLE nor UNCHECKED; it does not name the file. envelope_finish in any case. */
enum envelope_verdict envelope_read(struct envelope *envelope, const char *bytes, size_t len,
                                    struct error *err);
void envelope_finish(struct envelope *envelope);

/* Only what the first bytes (ENVELOPE_HEAD_MAX of them) tell, unchecked: for lists. */
bool envelope_peek(struct snapshot *snapshot, const char *bytes, size_t len);

#endif
