/* What is asked of the module while it runs: a message for its on_event (`send`), its state as text
 * (`state.get`). Each call has a number; an answer that comes too late is dropped. [supervisor's
 * loop thread] */
#ifndef SUPERVISOR_ASKS_H
#define SUPERVISOR_ASKS_H

#include "link/message.h"

#include <cjson/cJSON.h>

struct control_call;
struct supervisor;

/* The control methods. */
void asks_send(struct supervisor *sup, const cJSON *params, struct control_call *call);
void asks_get(struct supervisor *sup, const cJSON *params, struct control_call *call);

/* The layout of what runs is known now, or never will be: who asks for the state has waited. */
void asks_go_on(struct supervisor *sup);

/* A REPLY was heard. */
void asks_replied(struct supervisor *sup, const struct message *message);

/* TIMER_ASK: who has waited for too long is told. */
void asks_overdue(struct supervisor *sup);

/* The code that was asked is gone: those who wait are told. */
void asks_host_gone(struct supervisor *sup);

/* Frees what waits; the control socket has told their callers. */
void asks_finish(struct supervisor *sup);

#endif
