/* The parts of building: building.c decides, building_work.c runs what builds, building_told.c
 * tells of it. Only these include this. */
#ifndef SUPERVISOR_BUILDING_PARTS_H
#define SUPERVISOR_BUILDING_PARTS_H

#include "builder/command.h"
#include "builder/compile.h"
#include "builder/sources.h"
#include "builder/transcript.h"
#include "supervisor/building.h"
#include "supervisor/state.h"

#include <sys/stat.h>

enum outcome {
    OUTCOME_NONE,
    OUTCOME_OK,
    OUTCOME_FAILED
};

struct building {
    struct sources *sources;
    char **env;

    bool running;
    const char *shell;        /* build.command; NULL: build.sources are compiled */
    struct command *command;  /* what runs for it, */
    struct compile *compile;  /* or what compiles */
    struct timespec began_at; /* by the clock of files */
    uint64_t watched;         /* a hash of the list of files; 0: none */
    uint64_t began_ns;
    bool cancelling;    /* its end is not its own */
    bool again;         /* another one follows */
    unsigned restarts;  /* since nothing more was to follow */
    bool anew;          /* it runs in the place of one that was cancelled */
    char cause[512];    /* why this one runs, or the one that follows */
    struct stat before; /* the library as it was found */
    bool was_there;
    bool deferred, deferred_by_command; /* the library is to be looked at in the end */
    bool first;                         /* nothing was loaded so far: this is waited for */
    bool takes;
    enum policy_event telling; /* POLICY_EVENT_COUNT: none */

    enum outcome outcome; /* of the last one that came to its end */
    uint64_t ended_ns, took_ns;
    char reason[1100], then[320];
    struct transcript transcript;
    struct text output; /* the same as text; of the last one that ended */

    struct building_call { /* waits for an end */
        struct control_call *call;
        bool later; /* not for that of the one that runs */
    } calls[CALLS_MOST];
    unsigned call_count;
};

/* building_work.c: the one place that knows what builds. */
/* Sets env and compile. */
bool building_work_create(struct supervisor *sup, struct error *err);
void building_work_destroy(struct building *building);
/* Begins it; `ended` is called once, from the loop, when it has ended (sup is its ctx). False with
 * `err`: nothing runs. */
bool building_work_start(struct supervisor *sup,
                         void (*ended)(void *ctx, const struct command_end *end),
                         struct error *err);
void building_work_cancel(struct building *building);
void building_work_over(struct supervisor *sup); /* it has ended, or could not be begun */
/* What it has read is watched from here on. Not before the library is on its way: it takes time. */
void building_work_watch(struct supervisor *sup);
/* Whether something is to be built before anything runs, and why: `cause`. */
bool building_work_is_due(struct supervisor *sup);
/* The command as messages show it. */
const char *building_work_line(const struct building *building);
/* Whether hotrun builds anything. */
bool building_work_is_wanted(const struct config *config);

/* building_told.c */
void building_tell_ok(struct supervisor *sup);
void building_tell_cancelled(struct supervisor *sup, uint64_t took_ns);
/* Dispatches BUILD_STARTED or BUILD_FAILED, which the policy has told. */
void building_dispatch(struct supervisor *sup, enum policy_event event);
/* Answers those who wait for this end, or all who wait. */
void building_answer(struct supervisor *sup, bool all, const char *outcome);

#endif
