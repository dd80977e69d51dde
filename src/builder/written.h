/* What builds themselves write among the sources, so that it does not ask for builds without end:
 * a fingerprint of each file that changed while a build ran. */
#ifndef BUILDER_WRITTEN_H
#define BUILDER_WRITTEN_H

#include "base/hash.h"
#include "builder/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum written_verdict {
    WRITTEN_OTHER,   /* a change like any */
    WRITTEN_SAME,    /* the bytes that a build left there before */
    WRITTEN_SUSPECT, /* each build in a row wrote something else: a build that begins after a pause
                        tells whether it is a build's own step */
    WRITTEN_LEAVING, /* it is, by two of those: from here on it is left out */
    WRITTEN_NEW,     /* likewise where each made another file, or removed what one had made: from
                        here on what builds make anew is left out */
    WRITTEN_LEFT_OUT /* that, or a program or library: a compiler's */
};

enum written_asked { /* for a build */
    WRITTEN_BY_PERSON,
    WRITTEN_BY_BUILDS,    /* by nothing but what builds wrote */
    WRITTEN_BY_SUSPICION, /* likewise, and after a pause in which nobody wrote */
};

struct written_count {
    unsigned points;   /* for writing in one build after the other that only writing caused */
    unsigned calm;     /* builds of them in a row that began after a pause, when it was suspect */
    uint64_t build;    /* that wrote it last */
    uint64_t after_ns; /* how long after that build's beginning */
};

struct written_file {
    char *path;
    struct hash hash;
    bool known; /* `hash` is that of the last write that was judged */
    bool left_out;
    struct written_count count, before; /* with the last build, and without it */
    uint64_t came_in;                   /* the build before which it was not there */
};

struct written { /* all zero: nothing */
    struct written_file *files;
    size_t count, cap;
    struct table by_path;
    struct written_file newcomers; /* the files that builds bring, taken for one: they may have
                                      another name each time */
    uint64_t build;                /* the number of the last one that began */
    uint64_t began_ns;
    enum written_asked asked;
};

void written_build_began(struct written *written, enum written_asked asked, uint64_t now_ns);

/* One that was ended for another one tells nothing of what builds write: mostly a person saved. */
void written_build_ended(struct written *written, bool whole);

/* A file that changed while the last build ran, by events up to `at_ns`; `was_there`: before them.
 * Reads the file. */
enum written_verdict written_judge(struct written *written, const char *path, bool was_there,
                                   uint64_t at_ns);

/* Whether the last build brought the file: when it is gone again nothing has happened. */
bool written_came(const struct written *written, const char *path);

/* The file was changed by somebody else: what is known of it does not hold any more. */
void written_forget(struct written *written, const char *path);

void written_finish(struct written *written);

#endif
