#define _GNU_SOURCE /* gettid, close_range, on_exit */
#include "host/crash.h"

#include "host/registers.h"
#include "host/walk.h"
#include "link/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_SIZE   ((size_t)64 << 10)
#define PARK_SIGNAL  SIGSTKFLT /* nothing sends it, and hardly any program blocks it */
#define PARK_LOOKS   100
#define PARK_LOOK_NS 20000L

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};

/* The signal handlers' own. */
static struct {
    struct page *page;
    struct crash_record *record;
    int bell;
    struct stat bell_kind;
    pid_t process;         /* 0: nothing is recorded */
    _Atomic pid_t claimed; /* the thread that writes the record; 0: none */
    atomic_bool parked;    /* the main thread is */
    struct walk pointers, tables;
} crash;

struct interrupted { /* what is to be walked */
    void *context;
    bool by_signal;
};

static void reach(enum crash_stage stage)
{
    atomic_store_explicit(&crash.record->stage, stage, memory_order_release);
}

/* Code that closes all descriptors may have a file of its own by that number, which is not to be
 * written to. */
static void ring(void)
{
    uint64_t once = 1;
    struct stat now;
    if (fstat(crash.bell, &now) != 0 || now.st_mode != crash.bell_kind.st_mode ||
        now.st_ino != crash.bell_kind.st_ino || now.st_dev != crash.bell_kind.st_dev) {
        return;
    }
    ssize_t done = write(crash.bell, &once, sizeof once);
    (void)done; /* a supervisor that is gone needs no news */
}

static _Noreturn void park(void)
{
    for (;;) {
        (void)pause();
    }
}

static void on_park(int signal)
{
    pid_t claimed = atomic_load(&crash.claimed);
    (void)signal;
    if (claimed != 0 && claimed != gettid() && getpid() == crash.process) {
        atomic_store(&crash.parked, true);
        park();
    }
}

/* Once the signal is sent, the main thread does nothing more but end the system call that it is in.
 * The wait is short: one that does not end must not hold the record up. */
static void park_main(pid_t thread)
{
    struct timespec pause = {.tv_nsec = PARK_LOOK_NS};
    if (thread == crash.process ||
        syscall(SYS_tgkill, crash.process, crash.process, PARK_SIGNAL) != 0) {
        return;
    }
    for (int look = 0; look < PARK_LOOKS && !atomic_load(&crash.parked); look++) {
        (void)nanosleep(&pause, NULL);
    }
}

/* The signal comes again with what it said, when this handler has returned to where it struck: a
 * core dump shows that place and not this one. */
static void let_die(int signal, siginfo_t *info)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    pid_t process = getpid();
    (void)sigaction(signal, &action, NULL);
    if (syscall(SYS_rt_tgsigqueueinfo, process, gettid(), signal, info) != 0) {
        (void)syscall(SYS_tgkill, process, gettid(), signal);
    }
}

/* Whatever stood there goes: that of an exit() before it, what user code wrote over it. */
static struct crash_record *begin_record(pid_t thread)
{
    struct crash_record *record = crash.record;
    reach(CRASH_NONE);
    record->signal = record->code = record->exit_status = 0;
    record->has_address = record->writing = 0;
    record->address = 0;
    record->by_main = thread == crash.process;
    record->thread = (uint64_t)thread;
    record->register_count = record->frame_count = record->object_count = 0;
    return record;
}

static void record_cause(const siginfo_t *info, const void *context, struct crash_record *record)
{
    bool sent = info->si_code <= 0;
    bool by_order = info->si_signo == SIGABRT && sent && info->si_pid == getppid();
    record->cause = by_order ? CRASH_BY_ORDER : CRASH_BY_SIGNAL;
    record->signal = info->si_signo;
    record->code = info->si_code;
    record->has_address = !sent && info->si_code != SI_KERNEL && info->si_signo != SIGSYS;
    record->address = record->has_address ? (uint64_t)(uintptr_t)info->si_addr : 0;
    record->writing = record->has_address ? registers_access(context) : 0;
    registers_record(context, record);
    reach(CRASH_BEGUN);
}

static void find_pointers(void *ctx)
{
    struct registers registers = registers_of(((struct interrupted *)ctx)->context);
    walk_by_pointers(&crash.pointers, &registers);
}

static void keep_pointers(void *ctx)
{
    (void)ctx;
    walk_trim(&crash.pointers);
    walk_record(&crash.pointers, crash.record);
}

static void find_tables(void *ctx)
{
    const struct interrupted *at = ctx;
    walk_by_tables(&crash.tables, at->context, at->by_signal);
}

static void keep_tables(void *ctx)
{
    (void)ctx;
    walk_trim(&crash.tables);
    if (walk_is_better(&crash.tables, &crash.pointers)) {
        walk_record(&crash.tables, crash.record);
    }
}

/* A walk that faults has found what it had found until then. */
static void record_frames(struct interrupted *at)
{
    (void)walk_guarded(find_pointers, at);
    (void)walk_guarded(keep_pointers, NULL);
    reach(CRASH_WALKED);
    struct registers registers = registers_of(at->context);
    (void)walk_guarded(find_tables, at);
    registers_put_back(at->context, &registers);
    (void)walk_guarded(keep_tables, NULL);
    reach(CRASH_UNWOUND);
}

/* Its successor is started while this process still ends: the ports, locks and terminals that the
 * module had open must be free by then. */
static void close_all(void)
{
    unsigned bell = (unsigned)crash.bell;
    if (bell > STDERR_FILENO + 1) {
        (void)close_range(STDERR_FILENO + 1, bell - 1, 0);
    }
    (void)close_range(bell + 1, ~0U, 0);
}

static void on_fatal(int signal, siginfo_t *info, void *context)
{
    pid_t thread = gettid();
    pid_t claimed = 0;
    if (getpid() != crash.process) {
        let_die(signal, info);
        return;
    }
    if (!atomic_compare_exchange_strong(&crash.claimed, &claimed, thread)) {
        if (claimed != thread) {
            park();
        }
        walk_fault();
        let_die(signal, info);
        return;
    }
    struct crash_record *record = begin_record(thread);
    atomic_store_explicit(&crash.page->dying, 1, memory_order_release);
    park_main(thread);
    ring();
    struct interrupted at = {.context = context, .by_signal = true};
    record_cause(info, context, record);
    record_frames(&at);
    close_all();
    reach(CRASH_DONE);
    ring();
    let_die(signal, info);
}

/* Nothing is stopped or rung here: exit handlers and destructors run as they would, and may take
 * their time. A crash in one of them takes the record over. */
static void on_exit_called(int status, void *ctx)
{
    pid_t thread = gettid();
    pid_t claimed = 0;
    ucontext_t context;
    (void)ctx;
    if (getpid() != crash.process || atomic_load(&crash.page->end) != PAGE_END_NONE ||
        !atomic_compare_exchange_strong(&crash.claimed, &claimed, thread)) {
        return;
    }
    struct crash_record *record = begin_record(thread);
    record->cause = CRASH_BY_EXIT;
    record->exit_status = status;
    reach(CRASH_BEGUN);
    if (getcontext(&context) == 0) {
        struct interrupted at = {.context = &context};
        record_frames(&at);
    }
    reach(CRASH_DONE);
    atomic_store(&crash.claimed, 0);
}

static bool handle(int signal, struct error *err)
{
    struct sigaction before;
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    (void)sigfillset(&action.sa_mask);
    if (sigaction(signal, NULL, &before) != 0) {
        return error_errno(err, "cannot ask for the handler of signal %d", signal);
    }
    /* One that stands before any user code is there is a sanitizer's, whose report says more. */
    bool taken = (before.sa_flags & SA_SIGINFO) != 0 ||
                 (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN);
    return taken || sigaction(signal, &action, NULL) == 0 ||
           error_errno(err, "cannot handle signal %d", signal);
}

bool crash_install(struct page *page, struct crash_record *record, int bell, struct error *err)
{
    static char stack[STACK_SIZE];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_park, .sa_flags = SA_ONSTACK | SA_RESTART};
    (void)sigfillset(&action.sa_mask);
    crash.page = page;
    crash.record = record;
    crash.bell = bell;
    if (fstat(bell, &crash.bell_kind) != 0 || sigaltstack(&alternate, NULL) != 0 ||
        sigaction(PARK_SIGNAL, &action, NULL) != 0) {
        return error_errno(err, "cannot set the crash handler up");
    }
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        if (!handle(fatal[i], err)) {
            return false;
        }
    }
    if (on_exit(on_exit_called, NULL) != 0) {
        return error_set(err, ERROR_SYSTEM, "no memory for the exit handler");
    }
    walk_warm();
    crash.process = getpid();
    return true;
}

void crash_finish(void)
{
    crash.process = 0;
}
