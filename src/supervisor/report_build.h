/* The part of report.h that tells of builds. */
#ifndef SUPERVISOR_REPORT_BUILD_H
#define SUPERVISOR_REPORT_BUILD_H

#include "builder/command.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report;

/* `cause`: why it is built, "src/game.c changed". `anew`: one that ran was ended for it. */
void report_build_started(struct report *report, const char *command, const char *cause, bool anew);

/* `output`: what it said, as text. */
void report_build_ok(struct report *report, const char *command, uint64_t took_ns,
                     const char *output);

struct report_build {
    const char *command;
    const char *reason; /* report_build_words, or why it could not be started */
    const char *output;
    const char *then; /* what follows: "generation 3 goes on" */
    uint64_t took_ns;
    bool cancelled; /* another one follows, or hotrun ends: no failure, and no line */
};
void report_build_failed(struct report *report, const struct report_build *build);

/* How it ended when it did not end well: "exit status 1". */
void report_build_words(const struct command_end *end, uint64_t timeout_ns, char *text,
                        size_t size);

/* "312 ms", "1.2 s" */
void report_duration(uint64_t ns, char *text, size_t size);

#endif
