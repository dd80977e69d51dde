/* A file that a command makes, and what it was made by and of: written down beside it, so that a
 * later run knows as well whether it is out of date. */
#ifndef BUILDER_PRODUCT_H
#define BUILDER_PRODUCT_H

#include "base/error.h"
#include "builder/flags.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stamp { /* of a file, as it was; mtime_ns 0: it was not there, or is not known */
    uint64_t mtime_ns, size, node;
    uint64_t hash; /* of its bytes, where another save could have the same time; else 0 */
};

struct reading {          /* files, and how they were */
    struct flags files;   /* absolute paths */
    struct stamp *stamps; /* owned, one for each */
};

struct product {
    char *path;            /* owned; the record is PATH.made */
    uint64_t made_by;      /* the hash of its command; 0: it is not known to be whole */
    struct reading read;   /* what it was made of */
    struct reading before; /* while it is made: how that was when it began */
    uint64_t began_ns;     /* by the real-time clock */
};

/* Reads the record, if there is one. False: no memory. */
bool product_open(struct product *product, const char *path, struct error *err);
void product_finish(struct product *product);

/* Whether it is there, made by this command (flags_hash), of what is on the disk. */
bool product_is_current(const struct product *product, uint64_t command);

/* It is about to be made, of `inputs` and probably of what it was made of before. Until
 * product_made it counts as out of date, also if this process dies. */
void product_begin(struct product *product, const struct flags *inputs);

/* It was made by `command`, which has read `files` (taken over, emptied). One that was saved since
 * product_begin, or may have been, makes it out of date. */
void product_made(struct product *product, uint64_t command, struct flags *files);

#endif
