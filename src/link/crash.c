#include "link/crash.h"

#include <stddef.h>
#include <string.h>

#define SIGNALS_END 65

#if defined(__x86_64__)
static const char *const register_names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                             "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                             "r12", "r13", "r14", "r15", "rip", "eflags"};
#elif defined(__aarch64__)
static const char *const register_names[] = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
    "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
    "x22", "x23", "x24", "x25", "x26", "x27", "x28", "fp",  "lr",  "sp",  "pc"};
#else
static const char *const register_names[] = {"pc"};
#endif

#define REGISTERS (sizeof register_names / sizeof register_names[0])
_Static_assert(REGISTERS <= CRASH_REGISTERS_MOST, "the record has room for each register");

const char *crash_register_name(unsigned index)
{
    return index < REGISTERS ? register_names[index] : NULL;
}

static uint32_t at_most(uint32_t number, uint32_t most)
{
    return number < most ? number : most;
}

bool crash_read(const struct crash_record *from, struct crash_record *to)
{
    /* Before the rest: what this stage promises was written before it. */
    uint32_t stage = atomic_load_explicit(&from->stage, memory_order_acquire);
    memcpy((void *)to, (const void *)from, sizeof *to);
    atomic_init(&to->stage, stage);
    bool by_exit = to->cause == CRASH_BY_EXIT;
    if (stage == CRASH_NONE || stage > CRASH_DONE || to->cause < CRASH_BY_SIGNAL ||
        to->cause > CRASH_BY_ORDER || to->signal < (by_exit ? 0 : 1) || to->signal >= SIGNALS_END) {
        return false;
    }
    to->register_count = at_most(to->register_count, (uint32_t)REGISTERS);
    to->object_count =
        stage < CRASH_WALKED ? 0 : at_most(to->object_count, (uint32_t)CRASH_OBJECTS_MOST);
    to->frame_count =
        stage < CRASH_WALKED ? 0 : at_most(to->frame_count, (uint32_t)CRASH_FRAMES_MOST);
    for (uint32_t i = 0; i < to->frame_count; i++) {
        if (to->frames[i].object > to->object_count) {
            to->frames[i].object = 0;
        }
    }
    for (uint32_t i = 0; i < to->object_count; i++) {
        to->objects[i].path[CRASH_PATH_SIZE - 1] = '\0';
    }
    return true;
}
