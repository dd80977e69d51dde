/* What became of a state on its way into another layout, by path ("/enemies/3/hp"; the members of a
 * heap object's type as "node/next", of a variable as "game.c:speed"). Lists keep the first few and
 * count the rest. */
#ifndef LAYOUT_FINDINGS_H
#define LAYOUT_FINDINGS_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum finding {
    FINDING_ADDED,     /* new here: it has its default */
    FINDING_DROPPED,   /* no longer there */
    FINDING_CONVERTED, /* "/hp: int to float"; by HOTRUN_RENAMED: "/hp: was health" */
    FINDING_LOST,      /* converted, and the value is another one: "/hp: 300 became 255" */
    FINDING_ROUNDED, /* a float that can't be exact: "/x: 0.1 was rounded to 0.10000000149011612" */
    FINDING_KEPT,    /* left as it was, though a person should know: "/cache: points to memory of
                        the module whose struct node has changed" */
    FINDING_COUNT
};

#define FINDINGS_TOLD 12 /* of each kind that are named */
#define FINDINGS_BYTES                                                                             \
    ((size_t)6 << 10) /* of each kind, at most; an entry is cut at FINDING_BYTES */
#define FINDING_BYTES 480

struct findings {
    struct text list[FINDING_COUNT]; /* sentences or paths, a '\0' between two */
    size_t count[FINDING_COUNT];     /* of all, the named ones included */
    size_t elsewhere; /* pointers that still lead to memory of which nothing is known, and which
                         may hold pointers itself: that is in order, and not told */
};

/* Zero-initialised is empty. `format` is the whole entry; an empty one is that of all of it ("/").
 * Without memory it is counted. */
void findings_add(struct findings *findings, enum finding kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How many of a kind are in its list, and how many were left out of it. */
size_t findings_named(const struct findings *findings, enum finding kind);
size_t findings_more(const struct findings *findings, enum finding kind);

void findings_clear(struct findings *findings);
void findings_finish(struct findings *findings);

#endif
