/* The calls that led to a death, innermost first, and how they are told. */
#ifndef SUPERVISOR_BACKTRACE_H
#define SUPERVISOR_BACKTRACE_H

#include "base/text.h"
#include "link/naming.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKTRACE_LINES_MOST 12 /* on a terminal */

struct backtrace_frame {
    const char *function, *file, *source, *object; /* UTF-8 without control characters; "": not
                                                      known */
    uint64_t address, offset;                      /* in memory; in the object's file */
    uint32_t line, column;
    uint32_t past; /* bytes behind the start of a function that is a mere symbol */
    bool inlined;  /* into the next one */
    bool edited;   /* the source was changed since: its line would be a wrong one */
    bool own;      /* the user's code, not the C library's or hotrun's */
};

struct backtrace { /* zero-initialised: empty */
    struct backtrace_frame frames[NAMING_FRAMES_MOST];
    unsigned count, more; /* more: that found no room */
    bool cut;             /* the record was full: nobody knows how many more there were */
    char *strings;        /* owned */
};

/* How objects are told: private copies lie in the folder `stage` and are told as `shown`. */
struct backtrace_view {
    const char *stage, *shown;
};

/* Takes over what `answer` says, which lives as long as before. What was in `trace` is freed. */
void backtrace_take(struct backtrace *trace, const struct naming_answer *answer,
                    const struct backtrace_view *view);

/* The same from a record without names: objects and addresses. */
void backtrace_take_bare(struct backtrace *trace, const struct crash_record *record,
                         const struct backtrace_view *view);

void backtrace_finish(struct backtrace *trace);

/* True when some frame's function has this name. */
bool backtrace_has(const struct backtrace *trace, const char *function);

/* [{function, file, line, column, source, object, offset, address, inlined}], without what is not
 * known. Never NULL. */
cJSON *backtrace_json(const struct backtrace *trace);

/* Appends "\n    step  game.c:88  update_enemies(g);" for each of the user's frames, or for all
 * when none is, BACKTRACE_LINES_MOST at most and then how many more, if that is known; the columns
 * are aligned. */
void backtrace_lines(const struct backtrace *trace, struct text *out);

/* Appends a numbered line for each frame, whole, and ends each with '\n'. */
void backtrace_list(const struct backtrace *trace, struct text *out);

#endif
