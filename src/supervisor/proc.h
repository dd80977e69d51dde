/* What /proc tells of a process's main thread. Its files stay open, so that a look costs two reads
 * (some 10 us); they are of this process only, also when its number is given to another one.
 * [supervisor's loop thread] */
#ifndef SUPERVISOR_PROC_H
#define SUPERVISOR_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc { /* zeroed: closed */
    pid_t pid;
    int folder, status, times; /* of the main thread; -1: not to be had */
    bool exact;                /* `times` is schedstat, else stat */
};

struct proc_look {
    char state;          /* R, S, D, T (stopped), t (stopped by a debugger), Z ... */
    pid_t tracer;        /* 0: none */
    uint64_t cpu_ns;     /* on a processor */
    uint64_t starved_ns; /* ready, but without one; 0 where the kernel does not count it */
};

/* False: there is no such process, or it may not be looked at. */
bool proc_open(struct proc *proc, pid_t pid);
void proc_close(struct proc *proc);
bool proc_is_open(const struct proc *proc);

/* False: it is gone. */
bool proc_look(const struct proc *proc, struct proc_look *look);

/* What it waits in, as far as can be seen: "read(0, /dev/pts/1)", "futex", "the system". */
void proc_waits_in(const struct proc *proc, char *text, size_t size);

/* The program's name; "?" when it is gone. */
void proc_name(pid_t pid, char *text, size_t size);

#endif
