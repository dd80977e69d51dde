/* Processes that a host leaves behind when it dies: what its module forked. The supervisor is their
 * new parent (PR_SET_CHILD_SUBREAPER), reaps those that end, and ends the others after the host's
 * death. */
#ifndef SUPERVISOR_ORPHANS_H
#define SUPERVISOR_ORPHANS_H

#include <sys/types.h>

#define ORPHANS_EXPECTED_MOST 16

struct orphans { /* children of our own, which libuv reaps */
    pid_t expected[ORPHANS_EXPECTED_MOST];
    unsigned count;
};

/* From here on orphans come to this process. */
void orphans_adopt(void);

void orphans_expect(struct orphans *orphans, pid_t pid);
void orphans_forget(struct orphans *orphans, pid_t pid);

/* Reaps those that have ended. */
void orphans_reap(const struct orphans *orphans);

/* Kills and reaps all of them, and what they leave behind in turn. */
void orphans_end(const struct orphans *orphans);

#endif
