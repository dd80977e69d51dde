/* What a new project can be made of: templates, and ways to build them, as rows. Their files are in
 * templates/, by folders: that of all projects, of a language, of a template, of a way to build. A
 * file of a later folder wins over one of the same name before it. */
#ifndef PROJECT_TEMPLATE_H
#define PROJECT_TEMPLATE_H

#include "base/error.h"
#include "base/text.h"
#include "project/embedded.h"

#include <stdbool.h>
#include <stddef.h>

struct template_row {
    const char *name, *help;
    const char *language; /* its folder, and what the rows of builds name */
};

struct build_row {
    const char *name, *language;
    const char *command, *release; /* shell commands, run in the project's folder */
    const char *library, *program; /* what they make */
    const char *needs;             /* programs, with a space between */
    const char *reserved;          /* names that it keeps for itself, spaces around each */
};

extern const struct template_row template_rows[]; /* the first one is the default */
extern const size_t template_row_count;
extern const struct build_row build_rows[]; /* the first one of a language is its default */
extern const size_t build_row_count;

/* The rows of these words; NULL stands for the default. NULL with ERROR_USAGE, which suggests what
 * was meant, or names the builds of the template. */
const struct template_row *template_find(const char *word, struct error *err);
const struct build_row *build_find(const char *word, const struct template_row *template,
                                   struct error *err);

/* What a placeholder stands for: @name@ and so on. */
struct template_values {
    const char *name;
    const char *host; /* the path of hotrun-host */
    const struct build_row *build;
};

/* Calls `take` for each file of a project, with its path ("dot-" at the beginning of a part is ".",
 * NAME is the module's name) and its text, filled in; both are borrowed. Stops when `take` returns
 * false, and returns that. */
bool template_files(const struct template_row *template, const struct template_values *values,
                    bool (*take)(void *ctx, const char *path, const char *text, size_t len,
                                 struct error *err),
                    void *ctx, struct error *err);

#endif
