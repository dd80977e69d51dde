/* Changes to the state of what runs (`state.edit`). An edit is a swap: another copy of the library
 * that runs takes over, with the old state's text changed on its way; so a refusal, a crash and a
 * rollback are what they are at a reload. One at a time; the others wait in their order.
 * [supervisor's loop thread] */
#ifndef SUPERVISOR_EDITS_H
#define SUPERVISOR_EDITS_H

#include "link/message.h"

#include <cjson/cJSON.h>

struct build;
struct control_call;
struct supervisor;

/* The control method. */
void edits_command(struct supervisor *sup, const cJSON *params, struct control_call *call);

/* After each change of the policy's state: begins the next one if it can be, and tells those that
 * can't be any more. */
void edits_go_on(struct supervisor *sup);

/* The host gets what `build`, which is about to be loaded, changes. */
void edits_hand_over(struct supervisor *sup, const struct build *build);

/* The one under way has become a generation, or has not: `reason`. */
void edits_accepted(struct supervisor *sup, const struct message_accepted *told);
void edits_refused(struct supervisor *sup, const char *reason);

/* Frees what waits; the control socket has told their callers. */
void edits_finish(struct supervisor *sup);

#endif
