/* From a saved source to a build to a reload: runs the build when a source was saved, shows and
 * keeps what it says, and hands the library on when it ends. [supervisor's loop thread] */
#ifndef SUPERVISOR_BUILDING_H
#define SUPERVISOR_BUILDING_H

#include "base/error.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct building; /* opaque */
struct control_call;
struct supervisor;

struct building_state { /* for who shows it */
    bool configured;    /* hotrun builds at all */
    bool running;
    bool failed;       /* the last one that came to its end did */
    uint64_t since_ns; /* clock_ns: when the one that runs began, or the last one ended; 0: none
                          so far */
};

struct building_state building_state(const struct supervisor *sup);

/* Sets sup->building, and begins to watch the sources, when a build is configured. */
bool building_create(struct supervisor *sup, struct error *err);
void building_destroy(struct supervisor *sup); /* a build that runs is killed */

/* At the start: begins the first build if build.at_start asks for it. True: the library is taken
 * when it ends, until then nothing is to be loaded. */
bool building_begin(struct supervisor *sup);

/* The library was removed, and hotrun compiles it itself: makes it again. False: it does not. */
bool building_replaces(struct supervisor *sup);

/* `hotrun build`: builds now, in the place of a build that runs (or behind it, by build.on_change).
 * The call is answered with the outcome, or refused. */
void building_ask(struct supervisor *sup, struct control_call *call);

/* The run ends: what runs is cancelled, and nothing more is begun. */
void building_stop(struct supervisor *sup);

bool building_runs(const struct supervisor *sup);

/* Before the library is looked at: true while a build runs, which is still making it; it is looked
 * at, once, when the build has ended. */
bool building_defers(struct supervisor *sup, bool by_command);

/* Whether the library is being looked at because a build has ended well. */
bool building_takes(const struct supervisor *sup);

/* While building_takes and its bytes are the same: how the build has left it, as the first half of
 * a sentence. */
void building_tell_same(const struct supervisor *sup, char *text, size_t size);

void building_tell(struct supervisor *sup); /* what the policy says of the event in hand */
void building_look(struct supervisor *sup); /* TIMER_BUILDING: it takes long */

void building_add_status(const struct supervisor *sup, cJSON *status);

#endif
