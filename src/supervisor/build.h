/* One version of the library: its private copy and what is known of it. Counted references: the
 * generation that runs, its fallbacks and a library that waits may be the same build. The copy's
 * file goes with the last reference. */
#ifndef SUPERVISOR_BUILD_H
#define SUPERVISOR_BUILD_H

#include "base/error.h"
#include "base/hash.h"
#include "config/config.h"
#include "module/stage.h"
#include "supervisor/reader.h"

#include <stdbool.h>
#include <stdint.h>

#define BUILD_EDITS 256

struct build {
    unsigned references;
    uint64_t generation;
    bool edited;             /* a copy of the library that ran, made to edit its state */
    char edits[BUILD_EDITS]; /* what was edited, for a person: "  ~ /hp  - /name  3 more" */
    char *path;              /* of the copy */
    struct stage stage;
    bool debug_info;             /* there is some: a layout can be read */
    unsigned readings;           /* of its layout that were begun */
    enum reader_outcome outcome; /* of reading its layout */
    struct layout *layout;       /* READER_OK: as long as somebody may need it; else NULL */
    char *why;                   /* there is none; NULL: it is not known */
    uint64_t layout_ns;          /* how long reading it took */
    bool layout_wanted;          /* the host can't take it without */
    uint64_t due_ns;             /* until when what waits for it does; 0: nothing has so far */
    bool callbacks;              /* it has serialize and deserialize, as far as is known */
    enum rate_kind rate;         /* at which it runs */
    double rate_hz;
    uint64_t
        noticed_ns; /* the change; then how long until the copy began, and how long that took */
    uint64_t detect_ns, stage_ns;
};

struct build *build_create(
    uint64_t generation, char *path,
    const struct stage *stage); /* takes path over; NULL: no memory, and the file is removed */
struct build *build_keep(struct build *build); /* one reference more */
void build_drop(struct build **build); /* one less; *build is NULL then. NULL inside is allowed */

/* Bytes that are not loaded again. The oldest is forgotten when there are too many. */
struct quarantine {
    struct hash hashes[64];
    uint64_t count;
};

void quarantine_add(struct quarantine *quarantine, struct hash hash);
void quarantine_remove(struct quarantine *quarantine, struct hash hash);
bool quarantine_has(const struct quarantine *quarantine, struct hash hash);

/* The copy's file name by stage.name: {name}, {pid}, {generation}. Caller frees. NULL: no memory.
 */
char *build_file_name(const char *pattern, const char *library, uint64_t generation);

#endif
