/* What the driver and a pair's libraries say to each other. */
#ifndef LAYOUTS_PAIR_CALL_H
#define LAYOUTS_PAIR_CALL_H

#include <hotrun/hotrun.h>

/* Ways from the old state to the new one; an expectation holds for some of them. */
enum pair_way {
    PAIR_MOVE = 1,  /* by moves, in the process that made it */
    PAIR_DEAD = 2,  /* by moves, from a copy: the process that made it is gone */
    PAIR_JSON = 4,  /* through JSON, in the same process */
    PAIR_FILE = 8,  /* through JSON, in another process */
    PAIR_PLACE = 16 /* it stays where it is */
};

struct pair_call {
    const hotrun_host *host;
    void *state;
    unsigned way;
    void (*say)(const char *expression); /* one that does not hold */
    int (*is_old)(const void *address);  /* whether it lies in the old library */
};

/* Each library exports both; the old one's is asked to fill, the new one's to check. */
typedef void pair_function(const struct pair_call *call);
#define PAIR_FILL  "pair_fill"
#define PAIR_CHECK "pair_check"

#endif
