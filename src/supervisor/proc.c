#define _GNU_SOURCE
#include "supervisor/proc.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_SIZE 4096 /* what is looked for stands in the first kilobyte of each file */

/* Reads a file from its start. False: nothing came. */
static bool read_again(int fd, char *text, size_t size)
{
    ssize_t got = fd < 0 ? -1 : pread(fd, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static bool read_named(const struct proc *proc, const char *name, char *text, size_t size)
{
    int fd = openat(proc->folder, name, O_RDONLY | O_CLOEXEC);
    bool ok = read_again(fd, text, size);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool proc_open(struct proc *proc, pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld", (long)pid, (long)pid);
    *proc = (struct proc){.pid = pid, .folder = -1, .status = -1, .times = -1};
    proc->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc->folder < 0) {
        goto fail;
    }
    proc->status = openat(proc->folder, "status", O_RDONLY | O_CLOEXEC);
    proc->times = openat(proc->folder, "schedstat", O_RDONLY | O_CLOEXEC);
    proc->exact = proc->times >= 0;
    if (!proc->exact) {
        proc->times = openat(proc->folder, "stat", O_RDONLY | O_CLOEXEC);
    }
    if (proc->status >= 0 && proc->times >= 0) {
        return true;
    }
fail:
    proc_close(proc);
    return false;
}

void proc_close(struct proc *proc)
{
    const int fds[] = {proc->folder, proc->status, proc->times};
    for (size_t i = 0; proc->pid != 0 && i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    *proc = (struct proc){.folder = -1, .status = -1, .times = -1};
}

bool proc_is_open(const struct proc *proc)
{
    return proc->pid != 0;
}

/* What stands behind "NAME:" in the file `status`; "" when it is not there. */
static const char *field(const char *status, const char *name)
{
    const char *at = strstr(status, name);
    return at == NULL ? "" : at + strlen(name) + strspn(at + strlen(name), ": \t");
}

/* utime and stime of the file `stat`, in ns. A program's name may hold spaces and brackets: fields
 * are counted from the last bracket on. */
static uint64_t ticks_ns(const char *stat)
{
    const char *at = strrchr(stat, ')');
    long a_second = sysconf(_SC_CLK_TCK);
    for (int i = 0; at != NULL && i < 12; i++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL || a_second <= 0) {
        return 0;
    }
    char *end = NULL;
    uint64_t ticks = strtoull(at, &end, 10);
    ticks += strtoull(end, NULL, 10);
    return ticks * (NS_PER_S / (uint64_t)a_second);
}

bool proc_look(const struct proc *proc, struct proc_look *look)
{
    char text[TEXT_SIZE];
    if (!read_again(proc->status, text, sizeof text)) {
        return false;
    }
    *look = (struct proc_look){.state = *field(text, "\nState"),
                               .tracer = (pid_t)strtol(field(text, "\nTracerPid"), NULL, 10)};
    if (!read_again(proc->times, text, sizeof text)) {
        return false;
    }
    if (proc->exact) {
        char *end = NULL;
        look->cpu_ns = strtoull(text, &end, 10);
        look->starved_ns = strtoull(end, NULL, 10);
    } else {
        look->cpu_ns = ticks_ns(text);
    }
    return true;
}

/* The calls in which programs wait. `fd`: the first argument is a descriptor. */
static const struct {
    long number;
    const char *name;
    bool fd;
} calls[] = {
    {SYS_read, "read", true},
    {SYS_readv, "readv", true},
    {SYS_pread64, "pread", true},
    {SYS_recvfrom, "recvfrom", true},
    {SYS_recvmsg, "recvmsg", true},
    {SYS_write, "write", true},
    {SYS_writev, "writev", true},
    {SYS_sendto, "sendto", true},
    {SYS_sendmsg, "sendmsg", true},
    {SYS_accept, "accept", true},
    {SYS_accept4, "accept4", true},
    {SYS_connect, "connect", true},
    {SYS_flock, "flock", true},
    {SYS_fcntl, "fcntl", true},
    {SYS_fsync, "fsync", true},
    {SYS_fdatasync, "fdatasync", true},
    {SYS_ioctl, "ioctl", true},
    {SYS_epoll_pwait, "epoll_wait", true},
    {SYS_ppoll, "poll", false},
    {SYS_pselect6, "select", false},
    {SYS_openat, "open", false},
    {SYS_futex, "futex (a lock, or a thread's end)", false},
    {SYS_nanosleep, "nanosleep", false},
    {SYS_clock_nanosleep, "nanosleep", false},
    {SYS_wait4, "wait", false},
    {SYS_waitid, "wait", false},
    {SYS_rt_sigsuspend, "sigsuspend", false},
    {SYS_rt_sigtimedwait, "sigwait", false},
    {SYS_restart_syscall, "a call that was interrupted", false},
#ifdef SYS_epoll_wait /* newer machines have the calls above only */
    {SYS_epoll_wait, "epoll_wait", true},
#endif
#ifdef SYS_poll
    {SYS_poll, "poll", false},
#endif
#ifdef SYS_select
    {SYS_select, "select", false},
#endif
#ifdef SYS_open
    {SYS_open, "open", false},
#endif
#ifdef SYS_pause
    {SYS_pause, "pause", false},
#endif
};

/* "(0, /dev/pts/1)": the descriptor, and what it leads to. */
static void name_descriptor(const struct proc *proc, unsigned long long fd, char *text, size_t size)
{
    char link[32];
    char target[96];
    (void)snprintf(link, sizeof link, "fd/%llu", fd);
    ssize_t len = readlinkat(proc->folder, link, target, sizeof target - 1);
    target[len > 0 ? len : 0] = '\0';
    (void)snprintf(text, size, "(%llu%s%s)", fd, len > 0 ? ", " : "", target);
}

/* `line` is the file `syscall`: the call's number and its arguments. */
static void name_call(const struct proc *proc, const char *line, char *text, size_t size)
{
    char *rest = NULL;
    char descriptor[128] = "";
    long number = strtol(line, &rest, 10);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (calls[i].number == number) {
            if (calls[i].fd) {
                name_descriptor(proc, strtoull(rest, NULL, 16), descriptor, sizeof descriptor);
            }
            (void)snprintf(text, size, "%s%s", calls[i].name, descriptor);
            return;
        }
    }
    (void)snprintf(text, size, "system call %ld", number);
}

void proc_waits_in(const struct proc *proc, char *text, size_t size)
{
    char line[256];
    /* "NUMBER 0xARG...", or "running", or "-1 ..." outside of a call (a page that is fetched). */
    if (read_named(proc, "syscall", line, sizeof line) && line[0] >= '0' && line[0] <= '9') {
        name_call(proc, line, text, size);
    } else if (read_named(proc, "wchan", line, sizeof line) && line[0] != '0') {
        (void)snprintf(text, size, "%.60s", line);
    } else {
        (void)snprintf(text, size, "the system");
    }
    for (char *c = text; *c != '\0'; c++) { /* a path may hold anything */
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
}

void proc_name(pid_t pid, char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!read_again(fd, text, size)) {
        (void)snprintf(text, size, "?");
    }
    if (fd >= 0) {
        close(fd);
    }
    text[strcspn(text, "\n")] = '\0';
}
