/* Layouts of libraries, read by hotrun-inspect as the supervisor has them read. */
#ifndef LAYOUTS_READER_H
#define LAYOUTS_READER_H

#include "base/error.h"
#include "layout/layout.h"

struct reader; /* opaque */

/* Starts `program`, a hotrun-inspect. NULL with `err`. */
struct reader *reader_create(const char *program, struct error *err);
void reader_destroy(struct reader *reader); /* NULL is allowed */

/* The layout of a library, the caller's; NULL with `err`: why there is none. */
struct layout *reader_layout(struct reader *reader, const char *path, bool statics,
                             struct error *err);

#endif
