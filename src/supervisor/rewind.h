/* Back to a snapshot of the store while it runs. [supervisor's loop thread] */
#ifndef SUPERVISOR_REWIND_H
#define SUPERVISOR_REWIND_H

#include <cjson/cJSON.h>

struct control_call;
struct supervisor;

/* The control method `rewind`: to the snapshot `id`; without it to the newest that is older than
 * what runs, and each time one further back, until something else than a rewind has put another
 * state or other code in its place. */
void rewind_command(struct supervisor *sup, const cJSON *params, struct control_call *call);

#endif
