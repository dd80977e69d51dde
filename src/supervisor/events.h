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

/* A new event with its first fields: t_ns, event, generation, step. Never NULL: without memory the
 * process ends. */
cJSON *event_create(const char *name, uint64_t generation, uint64_t step);

/* Adds a number exactly, which cJSON's doubles cannot. */
void event_add_number(cJSON *object, const char *name, uint64_t value);
void event_add_text(cJSON *object, const char *name, const char *text);

/* A string of UTF-8, whatever bytes `text` has: reasons quote files. */
cJSON *event_text(const char *text);

/* Writes the event everywhere and takes it over. */
void events_emit(struct events *events, cJSON *event);

#endif
