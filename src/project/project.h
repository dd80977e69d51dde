/* `hotrun new`: writes a project that runs with `hotrun` in its folder. No program is run and
 * nothing is fetched. */
#ifndef PROJECT_PROJECT_H
#define PROJECT_PROJECT_H

#include "base/error.h"
#include "project/name.h"

#include <stdbool.h>
#include <stddef.h>

struct project_options {       /* borrowed */
    const char *dir;           /* where; its last part names the module */
    const char *template_name; /* NULL: the first */
    const char *build_name;    /* NULL: the template's first */
    const char *host;          /* the path of hotrun-host, for debuggers */
};

struct project {
    char module[PROJECT_NAME_MOST + 1];
    const char *template_name, *build_name;
    size_t files;
    char missing[128]; /* programs that it needs and that PATH does not have: "cargo, rustc" */
};

/* All of it is there on true, and nothing that was not there before on false. ERROR_USAGE: words or
 * a name that cannot be; ERROR_REFUSED: a folder that holds something; ERROR_SYSTEM. */
bool project_create(const struct project_options *options, struct project *project,
                    struct error *err);

#endif
