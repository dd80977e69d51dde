#define _GNU_SOURCE /* sigabbrev_np */
#include "supervisor/cause.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define STACK_BELOW (UINT64_C(64) << 10) /* a stack that ran over faults near its pointer */
#define STACK_ABOVE (UINT64_C(1) << 20)

static uint64_t register_of(const struct crash_record *record, const char *const names[],
                            bool *found)
{
    *found = false;
    for (unsigned i = 0; i < record->register_count && i < CRASH_REGISTERS_MOST; i++) {
        const char *name = crash_register_name(i);
        for (unsigned n = 0; name != NULL && names[n] != NULL; n++) {
            if (strcmp(name, names[n]) == 0) {
                *found = true;
                return record->registers[i];
            }
        }
    }
    return 0;
}

static bool is_overflow(const struct crash_record *record)
{
    static const char *const names[] = {"rsp", "sp", "esp", NULL};
    bool found;
    uint64_t stack = register_of(record, names, &found);
    return found && stack > STACK_BELOW && record->address >= stack - STACK_BELOW &&
           record->address < stack + STACK_ABOVE;
}

static bool is_jump(const struct crash_record *record)
{
    static const char *const names[] = {"rip", "pc", "eip", NULL};
    bool found;
    uint64_t counter = register_of(record, names, &found);
    return found && record->writing != 1 && counter == record->address;
}

static void memory_words(const struct crash_record *record, const char *name, char *text,
                         size_t size)
{
    const char *how = is_jump(record)        ? "jump to"
                      : record->writing == 1 ? "write to"
                      : record->writing == 2 ? "read of"
                                             : "access to";
    unsigned long long at = record->address;
    if (record->signal == SIGSEGV && record->code == SI_KERNEL) {
        /* The processor does not tell it. */
        (void)snprintf(text, size, "%s, access to an address that cannot exist", name);
    } else if (record->has_address == 0) {
        (void)snprintf(text, size, "%s", name);
    } else if (is_overflow(record)) {
        (void)snprintf(text, size, "%s, stack overflow", name);
    } else if (record->signal == SIGBUS && record->code == BUS_ADRERR) {
        (void)snprintf(text, size, "%s, %s 0x%llx, behind the end of a mapped file", name, how, at);
    } else if (record->signal == SIGBUS && record->code == BUS_ADRALN) {
        (void)snprintf(text, size, "%s, %s 0x%llx, which is not aligned", name, how, at);
    } else {
        (void)snprintf(text, size, "%s, %s 0x%llx", name, how, at);
    }
}

static const char *arithmetic(int code)
{
    switch (code) {
    case FPE_INTDIV:
        return ", integer division by zero";
    case FPE_INTOVF:
        return ", integer overflow";
    case FPE_FLTDIV:
        return ", floating-point division by zero";
    case FPE_FLTOVF:
        return ", floating-point overflow";
    case FPE_FLTINV:
        return ", invalid floating-point operation";
    default:
        return "";
    }
}

/* Who called abort(), as far as the frames tell. */
static const char *abortion(const struct backtrace *trace)
{
    static const struct {
        const char *function, *words;
    } rows[] = {{"__assert_fail", ", assertion failed"},
                {"__assert_perror_fail", ", assertion failed"},
                {"__stack_chk_fail", ", a buffer on the stack was written past its end"},
                {"__fortify_fail", ", a buffer was written past its end"},
                {"__chk_fail", ", a buffer was written past its end"},
                {"__cxa_pure_virtual", ", call of a pure virtual function"},
                {"__cxa_throw", ", uncaught exception"},
                {"__cxa_rethrow", ", uncaught exception"},
                {"std::terminate()", ", std::terminate"},
                {"std::terminate", ", std::terminate"},
                {"free", ", double free or damaged heap"},
                {"cfree", ", double free or damaged heap"},
                {"realloc", ", damaged heap"},
                {"malloc", ", damaged heap"},
                {"calloc", ", damaged heap"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (backtrace_has(trace, rows[i].function)) {
            return rows[i].words;
        }
    }
    return "";
}

bool cause_words(const struct crash_record *record, const struct backtrace *trace, char *text,
                 size_t size)
{
    const char *abbreviation = sigabbrev_np(record->signal);
    char name[32];
    if (record->cause == CRASH_BY_EXIT) {
        (void)snprintf(text, size, "exit status %d without request_exit", record->exit_status);
    } else if (record->cause != CRASH_BY_SIGNAL) {
        return false;
    } else if (abbreviation == NULL) {
        (void)snprintf(text, size, "signal %d", record->signal);
    } else {
        (void)snprintf(name, sizeof name, "SIG%s", abbreviation);
        switch (record->signal) {
        case SIGSEGV:
        case SIGBUS:
            memory_words(record, name, text, size);
            break;
        case SIGFPE:
            (void)snprintf(text, size, "%s%s", name, arithmetic(record->code));
            break;
        case SIGILL:
            (void)snprintf(text, size, "%s, illegal instruction", name);
            break;
        case SIGABRT:
            (void)snprintf(text, size, "%s%s", name, abortion(trace));
            break;
        default:
            (void)snprintf(text, size, "%s", name);
            break;
        }
    }
    if (record->by_main == 0) {
        size_t len = strlen(text);
        (void)snprintf(text + len, size - len, ", in another thread");
    }
    return true;
}

void cause_registers(const struct crash_record *record, struct text *out)
{
    unsigned told = 0;
    for (unsigned i = 0; i < record->register_count && i < CRASH_REGISTERS_MOST; i++) {
        const char *name = crash_register_name(i);
        if (name != NULL) {
            text_printf(out, "%s%-6s 0x%016llx", told % 4 == 0 ? "\n    " : "  ", name,
                        (unsigned long long)record->registers[i]);
            told++;
        }
    }
}
