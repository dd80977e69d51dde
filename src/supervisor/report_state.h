/* What became of the state when other code took it over, as events and lines tell it. */
#ifndef SUPERVISOR_REPORT_STATE_H
#define SUPERVISOR_REPORT_STATE_H

#include "base/log.h"
#include "base/text.h"
#include "link/message.h"
#include "supervisor/build.h"

#include <cjson/cJSON.h>

/* `state` of an event. */
cJSON *report_state_json(const struct message_accepted *told);

/* What it takes: as JSON, or with variables and heap objects as far as they are told. */
uint64_t report_state_bytes(const struct message_accepted *told);

/* "state moved (1.2 KB)  + speed  - vx  ~ hp: int to float" */
void report_state_words(const struct message_accepted *told, const struct build *build,
                        struct text *line);

/* "  + speed  - vx  ~ hp: int to float" */
void report_state_lists(const struct message_accepted *told, struct text *line);

/* Warns of values that are others than before, and of what was left as it was. */
void report_state_warn(struct log *log, const struct message_accepted *told);

#endif
