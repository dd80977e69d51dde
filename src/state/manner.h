/* How an object or array is laid out, for what is added to it: white space, no more. */
#ifndef STATE_MANNER_H
#define STATE_MANNER_H

#include "base/text.h"
#include "state/members.h"

#define MANNER_MOST 96 /* bytes of white space; more of it is not imitated */

struct manner {
    char lead[MANNER_MOST]; /* before the first member of a holder that was empty */
    char next[MANNER_MOST]; /* before one behind a comma */
    char tail[MANNER_MOST]; /* before the closing bracket of a holder that was empty */
    char gap[MANNER_MOST];  /* from a key to its value: the colon and what is around it */
};

/* That of `holder`, all of whose members were met, after its last member; of an empty one after
 * `outer`, in which it stands. outer->at is NULL when it stands in nothing. `depth`: how many
 * objects and arrays are around the holder. */
void manner_of(struct manner *manner, const struct members *holder, const struct members *outer,
               unsigned depth);

#endif
