/* What this process does when it is to die: the handler of the fatal signals stops the main thread,
 * writes the crash record, lets go of the descriptors, rings the supervisor, and then lets the
 * signal do what it would have done, so that core dumps and the wait status are as ever. exit()
 * leaves a record of who called it, and goes on.
 *
 * Not seen: _exit, SIGKILL, SIGTRAP (it is a debugger's), a stack overflow of a thread that the
 * module started (only the main thread has a stack for handlers; a module can give its threads one
 * with sigaltstack), a fault while its signal is blocked, and signals for which the module or a
 * sanitizer's runtime has a handler of its own. The supervisor learns of these deaths by the end of
 * the process. */
#ifndef HOST_CRASH_H
#define HOST_CRASH_H

#include "base/error.h"
#include "link/page.h"

#include <stdbool.h>

struct crash_record;

/* On the main thread, once, before any user code is there. `page` and `record` are in shared memory
 * and outlive everything but crash_finish; `bell` is an eventfd. A child that user code forks
 * leaves them alone. */
bool crash_install(struct page *page, struct crash_record *record, int bell, struct error *err);

/* Records no more: the shared memory goes. */
void crash_finish(void);

#endif
