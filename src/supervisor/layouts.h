/* The layouts of builds: when they are read, what waits for that, which are kept, and which host
 * knows which. The code that runs goes on meanwhile; where a layout does not come in time, or there
 * is none, all goes on without. [supervisor's loop thread] */
#ifndef SUPERVISOR_LAYOUTS_H
#define SUPERVISOR_LAYOUTS_H

#include "link/message.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct build;
struct control_call;
struct layout_set;
struct supervisor;

/* False: no memory. */
bool layouts_create(struct supervisor *sup, struct error *err);
void layouts_destroy(struct supervisor *sup); /* lets go through the loop */

/* A build was just staged, or copied again: what is known of its bytes is known of it. */
void layouts_arrived(struct supervisor *sup, struct build *build);

/* Whether a library that is ready has to wait for a layout before it is loaded: where a state is
 * going to be carried over by it. Not for longer than READER_LIMIT_MS. */
bool layouts_put_off(struct supervisor *sup, struct build *build);

/* Whether what the host can't take without its layout is taken once more when that is there.
 * layouts_put_off waits for one that is wanted. */
bool layouts_may_come(const struct supervisor *sup, const struct build *build);

/* The same for known code that is to come back from the snapshot in `slot` of what the last host
 * left. It is run when the layout has come, or does not. */
bool layouts_put_off_comeback(struct supervisor *sup, struct build *build, int slot);

/* Begins to read what somebody waits for, or may need next, and goes on with what need not wait any
 * more. */
void layouts_go_on(struct supervisor *sup);

/* Another host is about to get code: it knows no layout. */
void layouts_host_is_new(struct supervisor *sup);

/* The host gets what it needs for the LOAD of `build`, as `how` and from `slot`. Returns what LOAD
 * says of the layout. */
uint64_t layouts_hand_over(struct supervisor *sup, enum load_how how, const struct build *build,
                           int slot);

/* Why `build`, or the code before it, has no layout; "": they have one, or it is not known.
 * Borrowed from the build. */
const char *layouts_missing(const struct supervisor *sup, const struct build *build);

/* Code was accepted: its layout is sent, or read and sent; those that nobody can need any more go.
 */
void layouts_adopted(struct supervisor *sup);

/* After a comeback in a new process: tells that variables are lost which no snapshot had, because
 * the module writes its state by itself. */
void layouts_came_back(const struct supervisor *sup);

/* Whether the state of what runs can be told by its layout. */
bool layouts_tell_state(const struct supervisor *sup);

/* Whether that is not known so far, of a state that can be told in no other way. Not for longer
 * than READER_LIMIT_MS; then asks_go_on, snapshots_go_on and edits_go_on are called. */
bool layouts_hold_up_state(struct supervisor *sup);

/* Bytes of the variables that are carried; 0: none are, or it is not known which. */
uint64_t layouts_variables_bytes(const struct supervisor *sup);

/* Why there is none. */
const char *layouts_why(const struct supervisor *sup);

/* The same for who wanted to look into the state. */
const char *layouts_without(const struct supervisor *sup, char *room, size_t size);

/* Those that snapshots of this run may need; borrowed, see layout_set_copy. */
const struct layout_set *layouts_known(const struct supervisor *sup);

/* The control method `state.layout`. */
void layouts_command(struct supervisor *sup, const cJSON *params, struct control_call *call);

/* `layout` of the status. */
void layouts_add_status(const struct supervisor *sup, cJSON *status);

#endif
