/* Reports of deaths: a text file each in crashes/ of the run directory, with all that is known. The
 * oldest go when there are too many. */
#ifndef SUPERVISOR_CRASH_REPORT_H
#define SUPERVISOR_CRASH_REPORT_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define CRASH_REPORTS_MOST 32U

struct crash_report { /* one that is to be written; zero-initialised: none */
    struct text body;
    char name[96]; /* "20260131T123456.789Z-generation-4-step-81204", for files beside it, too */
};

/* Starts a report of a death now. */
void crash_report_begin(struct crash_report *report, uint64_t generation, uint64_t step);

/* True while one waits to be written. */
bool crash_report_is_open(const struct crash_report *report);

/* Writes NAME.txt in the folder crashes/ of `run_dir_fd`, which is made when it is missing, and
 * removes the oldest reports above CRASH_REPORTS_MOST with the files beside them. It may be written
 * again, with more in it. `file` gets the path below the run directory. */
bool crash_report_write(const struct crash_report *report, int run_dir_fd, char *file, size_t size,
                        struct error *err);

/* The folder crashes/, for files beside reports; the caller closes it. -1 with `err`. */
int crash_report_folder(int run_dir_fd, struct error *err);

void crash_report_finish(struct crash_report *report);

#endif
