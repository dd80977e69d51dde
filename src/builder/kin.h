/* The processes that belong to a program that this process has started: those that descend from it,
 * those of its session, and those that carry its mark in their environment, wherever they went.
 * What has left its parents and its session and cleared its environment is not found. */
#ifndef BUILDER_KIN_H
#define BUILDER_KIN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define KIN_MARK_SIZE 64

/* A mark that no other program has: "NAME=value", for its environment. */
void kin_mark(char mark[KIN_MARK_SIZE]);

/* Whether `variable` ("NAME=value") is a mark, of this process or of one above it. */
bool kin_is_mark(const char *variable);

struct kin {      /* zeroed: none */
    pid_t *pids;  /* owned */
    size_t count; /* that live: one that has ended and waits to be reaped does not */
    size_t cap;
    bool hidden; /* one that may be of it, too, was just becoming another program, and showed no
                    environment: it is to be looked for again */
};

/* Looks all processes through, which takes some milliseconds. `leader` is the program's pid and its
 * session. False: no memory, or there is no /proc; `kin` is empty then. */
bool kin_find(struct kin *kin, pid_t leader, const char *mark);

/* Whether one of those found last still lives. */
bool kin_lives(const struct kin *kin);

void kin_signal(const struct kin *kin, int signal);
void kin_finish(struct kin *kin);

/* Whether `pid` carries a mark that this process has given: a program that it started, or what that
 * left behind. False for one that has ended. */
bool kin_is_ours(pid_t pid);

#endif
