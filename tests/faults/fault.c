/* Linked into hotrun and hotrun-host with --wrap=: makes one of the fallible calls of a run fail.
 *
 * $HOTRUN_FAULT says which: "supervisor:N", "host:N": the N-th call of all processes of that kind,
 * "supervisor:N+": it and all that follow. $HOTRUN_FAULT_LOG names a file that the processes of a
 * run share: how many calls were made, and which one failed, with the addresses that lead to it. */
#define _GNU_SOURCE
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define FRAMES_MOST 16

struct page { /* as test_faults.py reads it */
    _Atomic uint64_t calls;
    _Atomic uint64_t fired; /* how many have failed */
    uint64_t pid;
    uint64_t frames[FRAMES_MOST]; /* in the executable's own addresses; of the first failure */
    char call[64];
};

struct cjson_hooks {
    void *(*allocate)(size_t size);
    void (*release)(void *memory);
};

extern const char __executable_start[];
void cJSON_InitHooks(struct cjson_hooks *hooks) __attribute__((weak));

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_openat64(int dir, const char *path, int flags, ...);
int __wrap_openat64(int dir, const char *path, int flags, ...);
int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
int __real_uv_spawn(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options);
int __wrap_uv_spawn(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options);

static struct page *page;
static uint64_t wanted;
static bool and_more;

static bool is_this_kind(const char *setting, size_t len)
{
    const char *dash = strchr(program_invocation_short_name, '-');
    const char *kind = dash == NULL ? "supervisor" : dash + 1;
    return strlen(kind) == len && strncmp(kind, setting, len) == 0;
}

__attribute__((constructor)) static void choose(void)
{
    const char *setting = getenv("HOTRUN_FAULT");
    const char *log = getenv("HOTRUN_FAULT_LOG");
    const char *colon = setting == NULL ? NULL : strchr(setting, ':');
    if (colon == NULL || log == NULL || !is_this_kind(setting, (size_t)(colon - setting))) {
        return;
    }
    char *end = NULL;
    wanted = strtoull(colon + 1, &end, 10);
    and_more = *end == '+';
    int fd = __real_open64(log, O_RDWR | O_CLOEXEC);
    void *at = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || at == MAP_FAILED) {
        abort();
    }
    (void)close(fd);
    void *first[1];
    (void)backtrace(first, 1); /* loads what it needs while nothing depends on it */
    if (cJSON_InitHooks != NULL) {
        cJSON_InitHooks(&(struct cjson_hooks){__wrap_malloc, free});
    }
    page = at;
}

static void record(const char *call)
{
    void *frames[FRAMES_MOST + 2];
    int count = backtrace(frames, FRAMES_MOST + 2);
    for (int i = 2; i < count; i++) {
        page->frames[i - 2] = (uint64_t)((const char *)frames[i] - __executable_start);
    }
    page->pid = (uint64_t)getpid();
    (void)snprintf(page->call, sizeof page->call, "%s", call);
}

static __attribute__((noinline)) bool is_due(const char *call)
{
    if (page == NULL) {
        return false;
    }
    uint64_t number = atomic_fetch_add(&page->calls, 1) + 1;
    if (number != wanted && !(and_more && number > wanted)) {
        return false;
    }
    if (atomic_fetch_add(&page->fired, 1) == 0) {
        record(call);
    }
    return true;
}

#define WRAPPER(type, name, params, args, failure, error)                                          \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        if (is_due(#name)) {                                                                       \
            errno = error;                                                                         \
            return failure;                                                                        \
        }                                                                                          \
        return __real_##name args;                                                                 \
    }

FALLIBLE_CALLS(WRAPPER)

int __wrap_open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (is_due("open")) {
        errno = EMFILE;
        return -1;
    }
    return __real_open64(path, flags, mode);
}

int __wrap_openat64(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (is_due("openat")) {
        errno = (flags & O_CREAT) != 0 ? ENOSPC : EMFILE;
        return -1;
    }
    return __real_openat64(dir, path, flags, mode);
}

int __wrap_fcntl64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *); /* as wide as whatever it is */
    va_end(args);
    int error = command == F_DUPFD_CLOEXEC ? EMFILE
                : command == F_ADD_SEALS   ? EBUSY
                : command == F_OFD_SETLK   ? ENOLCK
                : command == F_SETLEASE    ? ENOLCK
                                           : 0;
    if (error != 0 && is_due("fcntl")) {
        errno = error;
        return -1;
    }
    return __real_fcntl64(fd, command, argument);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    if (is_due("asprintf")) {
        *text = (char *)(uintptr_t)1; /* not defined then: nobody may look at it */
        errno = ENOMEM;
        return -1;
    }
    va_list args;
    va_start(args, format);
    int len = vasprintf(text, format, args);
    va_end(args);
    return len;
}

/* Also by a description of its own. */
static bool is_stderr(int fd)
{
    struct stat there, said;
    return fd <= STDERR_FILENO ||
           (__real_fstat64(fd, &there) == 0 && __real_fstat64(STDERR_FILENO, &said) == 0 &&
            there.st_dev == said.st_dev && there.st_ino == said.st_ino);
}

/* What is said to the user is how a test learns of a failure: it stays. */
ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    if (!is_stderr(fd) && is_due("write")) {
        errno = ENOSPC;
        return -1;
    }
    return __real_write(fd, bytes, len);
}

/* The handle is initialised even then: libuv's own contract. */
int __wrap_uv_spawn(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options)
{
    if (is_due("uv_spawn")) {
        uv_process_options_t nothing = {.file = "", .args = options->args};
        (void)__real_uv_spawn(loop, process, &nothing);
        return UV_EAGAIN;
    }
    return __real_uv_spawn(loop, process, options);
}
