/* What a compiler has read, as it wrote it down (-MD): a rule of make. */
#ifndef BUILDER_DEPFILE_H
#define BUILDER_DEPFILE_H

#include "base/error.h"
#include "builder/flags.h"

#include <stdbool.h>

enum depfile_style {
    DEPFILE_MAKE, /* words, in which blanks, "#" and "$" are escaped */
    DEPFILE_LINES /* tcc: each file has a line, and nothing is escaped */
};

/* Adds the files that the rules in `text` name behind their colons to `files`: relative ones start
 * at `folder`, "." and "//" go, and none is there twice. A rule that ends in its midst is taken as
 * far as it goes. False with `err`: no memory. */
bool depfile_parse(const char *text, enum depfile_style style, const char *folder,
                   struct flags *files, struct error *err);

/* The same from a file of at most 4 MB. ERROR_MISSING: it is not there. */
bool depfile_read(const char *path, enum depfile_style style, const char *folder,
                  struct flags *files, struct error *err);

#endif
