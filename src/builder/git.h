/* The git work tree that a folder lies in, and the files that say what it ignores. Reads a few
 * names; runs nothing. */
#ifndef BUILDER_GIT_H
#define BUILDER_GIT_H

#include <stdbool.h>
#include <stddef.h>

struct git {
    char *top;      /* the work tree's top; the folder itself where there is none */
    char **files;   /* info/exclude, then each .gitignore above the folder from the top on, there or
                       not; NULL behind */
    size_t exclude; /* the index of info/exclude in `files`; SIZE_MAX: there is none */
};

/* `folder` is absolute. False: no memory; `git` is then empty. */
bool git_find(struct git *git, const char *folder);

void git_finish(struct git *git);

#endif
