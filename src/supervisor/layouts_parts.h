/* The inside of layouts: layouts.c reads and waits, layouts_handed.c keeps and sends,
 * layouts_told.c tells. */
#ifndef SUPERVISOR_LAYOUTS_PARTS_H
#define SUPERVISOR_LAYOUTS_PARTS_H

#include "layout/layout_set.h"
#include "link/message.h"
#include "supervisor/build.h"
#include "supervisor/reader.h"

#define LAYOUTS_ASKERS_MOST 8U

struct control_call;
struct supervisor;

struct layout_asker {
    struct control_call *call;
    bool json;
};

struct layouts {
    struct reader *reader;
    struct build *reading;       /* NULL: none is being read */
    bool comeback;               /* one waits for a layout */
    struct layout_set known;     /* of builds, and of snapshots whose builds may be gone */
    uint64_t sent[LAYOUTS_MOST]; /* hashes of those that the host has, in a ring */
    unsigned sent_count;
    uint64_t handed, bound; /* the generation whose layout the last LOAD named; and which is known
                               to the host as that of the code that runs */
    uint64_t without;       /* the generation of which the host knows that it has none */
    char told[640];         /* why a state went without one: said once */
    struct layout_asker askers[LAYOUTS_ASKERS_MOST]; /* wait for that of the code that runs */
    unsigned asker_count;
};

static inline bool layouts_is_there(const struct build *build)
{
    return build->outcome == READER_OK && build->layout != NULL;
}

/* Whether the layout of a build may come in the time that is left for it; then layouts_go_on is
 * called. */
bool layouts_await(struct supervisor *sup, struct build *build);

void layouts_answer(struct supervisor *sup); /* those who have waited */

/* Whether the next swap moves something by layouts. */
bool layouts_carry(const struct supervisor *sup);

void layouts_keep(struct supervisor *sup, struct layout *layout); /* among the known ones */
void layouts_bind(struct supervisor *sup); /* the host has that of the code that runs, or gets it */
void layouts_sweep(struct supervisor *sup); /* those that nobody can need any more go */

#endif
