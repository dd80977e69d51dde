/* Files that changed and were not told of yet, and when they are due: the quiet times. */
#ifndef BUILDER_CHANGES_H
#define BUILDER_CHANGES_H

#include "builder/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum change_kind {
    CHANGE_WHOLE,  /* closed by a writer, renamed there, found by a look */
    CHANGE_OPENED, /* created; its writer has not closed it */
    CHANGE_LEFT    /* removed or renamed away */
};

struct change {
    char *path; /* absolute */
    enum change_kind kind;
    bool was_there; /* before the first of these events */
    bool by_build;  /* every one of them came while a build ran */
    size_t events;
    uint64_t at_ns; /* of the last one, clock_ns */
};

struct changes {         /* all zero: empty */
    struct change *list; /* in the order of their first events */
    size_t count, cap;
    struct table by_path;
    bool building;              /* what is added comes while a build runs */
    uint64_t first_ns, last_ns; /* of the events; of no meaning when count is 0 */
    bool failed;                /* no memory: something is missing from the list */
};

void changes_add(struct changes *changes, const char *path, enum change_kind kind, bool was_there,
                 uint64_t now_ns);

/* Takes back what lies in `folder`: it turned out to be no place for sources. */
void changes_drop_below(struct changes *changes, const char *folder);

/* When they are to be told (clock_ns). count > 0. */
uint64_t changes_due_ns(const struct changes *changes);

void changes_clear(struct changes *changes); /* keeps `building` */
void changes_finish(struct changes *changes);

#endif
