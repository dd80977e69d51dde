/* The registers of an interrupted thread, as its signal handler was handed them. Everything here is
 * safe in a signal handler. */
#ifndef HOST_REGISTERS_H
#define HOST_REGISTERS_H

#include "link/crash.h"

#include <stdbool.h>
#include <stdint.h>

struct registers {
    uint64_t pc, sp, fp;
    uint64_t link; /* where the current function returns to, on machines that keep it in a register;
                      else 0: it lies on the stack */
};

/* `context`: a ucontext_t. */
struct registers registers_of(const void *context);

/* Makes `context` look as if the function that was called last had returned to `pc` at once. */
void registers_return(void *context, uint64_t pc);

/* Undoes that. */
void registers_put_back(void *context, const struct registers *registers);

/* All of them into the record. */
void registers_record(const void *context, struct crash_record *record);

/* What a memory access that faulted was: 1 a write, 2 a read or a jump, 0 not known. */
uint32_t registers_access(const void *context);

#endif
