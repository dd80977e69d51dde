/* Processes that a host leaves behind when it dies: what its module forked. The supervisor is their
 * new parent (PR_SET_CHILD_SUBREAPER), reaps those that end, and ends the others after the host's
 * death. What a build leaves behind (a compiler's cache server) comes here as well: it is reaped,
 * and not ended. Nothing here waits. */
#ifndef SUPERVISOR_ORPHANS_H
#define SUPERVISOR_ORPHANS_H

#include <stdbool.h>
#include <sys/types.h>

#define ORPHANS_SPARED_MOST 64

struct orphans {
    pid_t hosts[ORPHANS_SPARED_MOST];   /* our own, which libuv or a build's command reaps */
    pid_t foreign[ORPHANS_SPARED_MOST]; /* children from before the start: of a shell that exec'ed
                                           us */
    unsigned host_count, foreign_count;
    bool ending; /* some that were killed are still there */
};

/* From here on orphans come to this process. The children that it has already are left in peace. */
void orphans_adopt(struct orphans *orphans);

void orphans_expect(struct orphans *orphans, pid_t host);
void orphans_forget(struct orphans *orphans, pid_t host);

/* After SIGCHLD: reaps those that have ended, and kills what these left behind in turn. */
void orphans_reap(struct orphans *orphans);

/* Kills all of them. They are reaped as their ends are signalled. */
void orphans_end(struct orphans *orphans);

/* The same at the end of this process: looks on for up to a tenth of a second. Returns how many are
 * left: those that a kill does not end at once (a disk that does not answer). */
unsigned orphans_end_last(struct orphans *orphans);

#endif
