/* Where events go: one JSON object a line, to events.jsonl in the run directory (bounded: at 4 MB
 * it becomes events.jsonl.1), to the file of --events, and to the control socket's subscribers. An
 * event that cannot be written is lost and counted; the run goes on. */
#ifndef SUPERVISOR_EVENTS_H
#define SUPERVISOR_EVENTS_H

#include "base/error.h"
#include "base/log.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct control;
struct events; /* opaque */

/* `file`: of --events, "-" for stdout, NULL for none; a FIFO is allowed (its reader must be there).
 */
struct events *events_create(int dir_fd, const char *file, struct log *log, struct error *err);
void events_destroy(struct events *events);

/* Subscribers are told through `control` from here on; NULL: not any more. */
void events_set_control(struct events *events, struct control *control);

/* A new event with its first fields: t_ns, event, generation, step. NULL: no memory; every function
 * here takes that. */
cJSON *event_create(const char *name, uint64_t generation, uint64_t step);

/* Each adds a member to an object; with `name` NULL an element to an array. Without memory for it
 * `object` cannot be printed any more: half an event is never told. */
void event_add_item(cJSON *object, const char *name, cJSON *item); /* takes `item` over */
void event_add_number(cJSON *object, const char *name,
                      uint64_t value); /* exactly, which cJSON's doubles cannot */
void event_add_flag(cJSON *object, const char *name, bool value);
void event_add_text(cJSON *object, const char *name,
                    const char *text); /* UTF-8, whatever bytes it has: reasons quote files */

/* A string of UTF-8 for event_add_item; NULL: no memory. */
cJSON *event_text(const char *text);

/* Writes the event everywhere and takes it over. One that memory was missing for is lost, which is
 * said. */
void events_emit(struct events *events, cJSON *event);

#endif
