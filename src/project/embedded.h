/* The files of src/project/templates, in the executable: embed.py writes the source of it. */
#ifndef PROJECT_EMBEDDED_H
#define PROJECT_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *path; /* below templates/ */
    const char *text;
};

extern const struct embedded_file embedded_files[]; /* by path */
extern const size_t embedded_file_count;

#endif
