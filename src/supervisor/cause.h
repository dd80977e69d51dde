/* What a crash record says of the death, in a few words. */
#ifndef SUPERVISOR_CAUSE_H
#define SUPERVISOR_CAUSE_H

#include "base/text.h"
#include "link/crash.h"
#include "supervisor/backtrace.h"

#include <stdbool.h>
#include <stddef.h>

/* "SIGSEGV, write to 0x8", "SIGFPE, integer division by zero", "SIGABRT, uncaught exception", "exit
 * status 3 without request_exit", each with ", in another thread" where it is so. `trace` is that
 * of the record. False, and nothing is written: the record says nothing. */
bool cause_words(const struct crash_record *record, const struct backtrace *trace, char *text,
                 size_t size);

/* Appends the registers, four a line, each line after '\n' and four blanks. */
void cause_registers(const struct crash_record *record, struct text *out);

#endif
