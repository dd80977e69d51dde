#define _GNU_SOURCE /* _dl_find_object */
#include "host/walk.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf guard;
static volatile sig_atomic_t guarded;

static const struct link_map *owner(uint64_t pc)
{
    struct dl_find_object found;
    return _dl_find_object((void *)(uintptr_t)pc, &found) == 0 ? found.dlfo_link_map : NULL;
}

static bool is_program(const struct link_map *object)
{
    return object != NULL && object->l_name[0] == '\0';
}

static bool add(struct walk *walk, uint64_t pc, bool exact)
{
    if (walk->count == CRASH_FRAMES_MOST) {
        return false;
    }
    /* A call may be the last instruction of its library. */
    walk->frames[walk->count++] =
        (struct walk_frame){.pc = pc, .exact = exact, .object = owner(exact ? pc : pc - 1)};
    return true;
}

/* The stack of a module has bytes that AddressSanitizer lets nobody read. */
__attribute__((no_sanitize("address"))) static uint64_t peek(uint64_t address)
{
    return *(const volatile uint64_t *)(uintptr_t)address;
}

static bool add_caller(struct walk *walk, uint64_t pc)
{
    return owner(pc - 1) != NULL && add(walk, pc, false);
}

void walk_by_pointers(struct walk *walk, const struct registers *registers)
{
    uint64_t fp = registers->fp;
    uint64_t last = registers->sp;
    walk->count = 0;
    (void)add(walk, registers->pc, true);
    if (walk->frames[0].object == NULL) {
        /* A call through a bad pointer: nothing was done there, the caller's address is on top. */
        (void)add_caller(walk, registers->link != 0 ? registers->link : peek(registers->sp));
    }
    while (fp >= last && fp % sizeof(uint64_t) == 0 && add_caller(walk, peek(fp + 8))) {
        last = fp + 1;
        fp = peek(fp);
    }
}

#if HOTRUN_UNWIND

#include <unwind.h>

struct search {
    struct walk *walk;
    bool begun;    /* past the handler's own frames */
    bool returned; /* the frame that was interrupted is shown as if its call had returned */
};

static _Unwind_Reason_Code take(struct _Unwind_Context *context, void *ctx)
{
    struct search *search = ctx;
    int exact = 0;
    uint64_t pc = _Unwind_GetIPInfo(context, &exact);
    bool first = !search->begun && exact != 0;
    search->begun = search->begun || first;
    if (!search->begun) {
        return _URC_NO_REASON;
    }
    bool ok = pc != 0 && add(search->walk, pc, exact != 0 && !(first && search->returned));
    return ok ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* The unwinder is the compiler's own, which finds tables without a lock (_dl_find_object). It
 * starts from here and comes to the interrupted frame through `context`, which is on this stack. */
void walk_by_tables(struct walk *walk, void *context, bool interrupted)
{
    struct search search = {.walk = walk, .begun = !interrupted};
    struct registers registers = registers_of(context);
    walk->count = 0;
    if (interrupted && owner(registers.pc) == NULL) {
        (void)add(walk, registers.pc, true);
        registers_return(context, registers.link != 0 ? registers.link : peek(registers.sp));
        search.returned = true;
    }
    (void)_Unwind_Backtrace(take, &search);
}

#else

void walk_by_tables(struct walk *walk, void *context, bool interrupted)
{
    (void)context;
    (void)interrupted;
    walk->count = 0;
}

#endif

static unsigned known(const struct walk *walk)
{
    unsigned count = 0;
    for (unsigned i = 0; i < walk->count; i++) {
        count += walk->frames[i].object != NULL;
    }
    return count;
}

bool walk_is_better(const struct walk *tables, const struct walk *pointers)
{
    return tables->count > 0 && (tables->whole || known(tables) >= known(pointers));
}

/* The outermost frame that is neither the host's nor the C library's that started it; -1: none. */
static int last_of_module(const struct walk *walk)
{
    const struct link_map *libc = owner((uint64_t)(uintptr_t)gnu_get_libc_version());
    for (int i = (int)walk->count - 1; i >= 0; i--) {
        const struct link_map *object = walk->frames[i].object;
        if (object != NULL && object != libc && !is_program(object)) {
            return i;
        }
    }
    return -1;
}

void walk_trim(struct walk *walk)
{
    int last = last_of_module(walk);
    walk->whole = false;
    if (last < 0) {
        return; /* the host's own fault: all of it is of use */
    }
    for (unsigned i = (unsigned)last; i < walk->count; i++) {
        if (is_program(walk->frames[i].object)) {
            walk->count = i;
            walk->whole = true;
        }
    }
    unsigned skip = 0;
    while (!walk->frames[0].exact && is_program(walk->frames[skip].object)) {
        skip++;
    }
    walk->count -= skip;
    memmove(walk->frames, walk->frames + skip, walk->count * sizeof walk->frames[0]);
}

/* Its index + 1; 0: none, or there is no more room. */
static uint32_t record_object(const struct link_map *object, struct crash_record *record)
{
    if (object == NULL) {
        return 0;
    }
    const char *path = object->l_name;
    size_t len = strnlen(path, CRASH_PATH_SIZE);
    if (len == CRASH_PATH_SIZE) {
        path = "?";
        len = 1;
    }
    for (uint32_t i = 0; i < record->object_count; i++) {
        if (record->objects[i].base == object->l_addr &&
            memcmp(record->objects[i].path, path, len + 1) == 0) {
            return i + 1;
        }
    }
    if (record->object_count == CRASH_OBJECTS_MOST) {
        return 0;
    }
    struct crash_object *to = &record->objects[record->object_count];
    to->base = object->l_addr;
    memcpy(to->path, path, len + 1);
    return ++record->object_count;
}

void walk_record(const struct walk *walk, struct crash_record *record)
{
    for (unsigned i = 0; i < walk->count; i++) {
        record->frames[i] =
            (struct crash_frame){.pc = walk->frames[i].pc,
                                 .object = record_object(walk->frames[i].object, record),
                                 .exact = walk->frames[i].exact};
    }
    record->frame_count = walk->count;
}

bool walk_guarded(void (*walk)(void *), void *ctx)
{
    sigset_t faults;
    sigset_t before;
    (void)sigemptyset(&faults);
    (void)sigaddset(&faults, SIGSEGV);
    (void)sigaddset(&faults, SIGBUS);
    (void)pthread_sigmask(SIG_UNBLOCK, &faults, &before);
    bool whole = sigsetjmp(guard, 0) == 0;
    if (whole) {
        guarded = 1;
        walk(ctx);
    }
    guarded = 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return whole;
}

void walk_fault(void)
{
    if (guarded != 0) {
        siglongjmp(guard, 1);
    }
}

void walk_warm(void)
{
#if HOTRUN_UNWIND
    struct walk walk;
    ucontext_t context;
    if (getcontext(&context) == 0) {
        walk_by_tables(&walk, &context, false);
    }
#endif
}
