/* Children that die, and what they wrote of it. */
#ifndef TESTS_CRASH_TRIAL_H
#define TESTS_CRASH_TRIAL_H

#define _GNU_SOURCE /* dladdr, tgkill */
#include "host/crash.h"
#include "link/crash.h"
#include "link/page.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct trial {
    struct page *page;
    struct crash_record *shared;
    struct crash_record record; /* as it was read after the death */
    bool recorded;
    int bell, status;
    void *module;
    volatile unsigned long *beats; /* which the library's spin counts */
};

static void *trial_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

static int trial_setup(void **state)
{
    static struct trial trial;
    trial = (struct trial){.page = trial_memory(sizeof *trial.page),
                           .shared = trial_memory(sizeof *trial.shared),
                           .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                           .module = dlopen(DYING, RTLD_NOW),
                           .beats = trial_memory(sizeof *trial.beats)};
    assert_non_null(trial.module);
    *(volatile unsigned long **)dlsym(trial.module, "beats") = trial.beats;
    *state = &trial;
    return 0;
}

static int trial_teardown(void **state)
{
    struct trial *trial = *state;
    (void)munmap(trial->page, sizeof *trial->page);
    (void)munmap(trial->shared, sizeof *trial->shared);
    (void)munmap((void *)trial->beats, sizeof *trial->beats);
    close(trial->bell);
    return dlclose(trial->module);
}

/* In the child: the handlers of a sanitizer go, no core is left. */
static void trial_install(const struct trial *trial)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
    struct error err;
    struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        (void)signal(fatal[i], SIG_DFL);
    }
    (void)alarm(30);
    if (!crash_install(trial->page, trial->shared, trial->bell, &err)) {
        _exit(99);
    }
}

static void trial_await(struct trial *trial, pid_t child)
{
    assert_int_equal(waitpid(child, &trial->status, 0), child);
    trial->recorded = crash_read(trial->shared, &trial->record);
}

/* The child calls `caller(name)` of the library. */
static pid_t trial_start(struct trial *trial, const char *name)
{
    void (*caller)(void (*)(void));
    void (*death)(void);
    *(void **)&caller = dlsym(trial->module, "caller");
    *(void **)&death = dlsym(trial->module, name);
    assert_non_null(death);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); /* glibc's words */
        trial_install(trial);
        caller(death);
        _exit(98);
    }
    assert_true(child > 0);
    return child;
}

/* Whether frame `index` is in the library's function `name`. */
static bool trial_frame_is(const struct trial *trial, unsigned index, const char *name)
{
    Dl_info info;
    const struct crash_frame *frame = &trial->record.frames[index];
    return index < trial->record.frame_count &&
           dladdr((void *)(uintptr_t)(frame->pc - (frame->exact == 0)), &info) != 0 &&
           info.dli_sname != NULL && strcmp(info.dli_sname, name) == 0;
}

/* The index of the innermost frame in `name`. */
static unsigned trial_find(const struct trial *trial, const char *name)
{
    for (unsigned i = 0; i < trial->record.frame_count; i++) {
        if (trial_frame_is(trial, i, name)) {
            return i;
        }
    }
    fail_msg("none of %u frames is in %s", trial->record.frame_count, name);
    return 0;
}

#endif
