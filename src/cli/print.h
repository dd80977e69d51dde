/* What the commands that talk to a running hotrun print. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include "base/error.h"
#include "base/text.h"
#include "project/project.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

bool print_json(const cJSON *object); /* false: no memory */

/* `hotrun status` for a person. */
void print_status(const cJSON *status);

/* `hotrun build`: what it said, and how it ended. Returns the exit status: 0: well; else 1. */
int print_build(const cJSON *result, bool json);

/* `hotrun reload`: the outcome of the save. Returns the exit status: 0 when the newest library
 * runs, else 126. */
int print_reload(const cJSON *result, bool json);

/* The value at `pointer` of JSON text, with a newline. */
bool print_member(const struct text *json, const char *pointer, struct error *err);

/* Appends a pointer as a person reads it: "(all)" for the whole; quoted where a terminal would act
 * on it. */
void print_put_pointer(struct text *line, const char *pointer);

/* `hotrun state set` and its like: where the run stands, and what the module made of values. */
void print_edited(const cJSON *result);

/* Where the run stands: the generation and its next step. */
void print_place(const cJSON *result);

/* `hotrun snapshot`: where it is. */
void print_snapshot(const cJSON *result);

/* `hotrun new DIR`: what was made, and what to type next. */
void print_project(const struct project *project, const char *dir);

/* One event, as it comes. */
bool print_event(void *ctx, const char *event);

#endif
