/* Lines of source files. */
#ifndef INSPECT_SOURCE_H
#define INSPECT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source { /* the file that was read last; zero-initialised: none */
    char path[4096];
    int64_t written_ns; /* its time of change */
    char *text;         /* owned; NULL: it cannot be read */
    size_t len;
};

enum source_outcome {
    SOURCE_LINE,
    SOURCE_EDITED, /* the file is newer than `newest_ns` */
    SOURCE_NONE    /* no such file or line */
};

/* Writes line `number` of `path` without the blanks around it. Keeps the file for the next call,
 * until source_forget. */
enum source_outcome source_line(struct source *source, const char *path, int number,
                                int64_t newest_ns, char *line, size_t size);

void source_forget(struct source *source);

#endif
