#define _GNU_SOURCE /* REG_RIP */
#include "host/registers.h"

#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#if defined(__x86_64__)

#define PAGE_FAULT  14
#define FAULT_WRITE 2U

/* In the order of crash_register_name. */
static const int order[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI,
                            REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                            REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP, REG_EFL};
#define COUNT (sizeof order / sizeof order[0])

static uint64_t value(const void *context, size_t index)
{
    const ucontext_t *at = context;
    return (uint64_t)at->uc_mcontext.gregs[order[index]];
}

struct registers registers_of(const void *context)
{
    const greg_t *all = ((const ucontext_t *)context)->uc_mcontext.gregs;
    return (struct registers){
        .pc = (uint64_t)all[REG_RIP], .sp = (uint64_t)all[REG_RSP], .fp = (uint64_t)all[REG_RBP]};
}

static void set(void *context, uint64_t pc, uint64_t sp)
{
    greg_t *all = ((ucontext_t *)context)->uc_mcontext.gregs;
    all[REG_RIP] = (greg_t)pc;
    all[REG_RSP] = (greg_t)sp;
}

void registers_return(void *context, uint64_t pc)
{
    set(context, pc, registers_of(context).sp + sizeof pc);
}

uint32_t registers_access(const void *context)
{
    const greg_t *all = ((const ucontext_t *)context)->uc_mcontext.gregs;
    if (all[REG_TRAPNO] != PAGE_FAULT) {
        return 0;
    }
    return ((uint64_t)all[REG_ERR] & FAULT_WRITE) != 0 ? 1 : 2;
}

#elif defined(__aarch64__)

#define GENERAL    31U /* x0 to x30 */
#define COUNT      (GENERAL + 2)
#define X_FP       29
#define X_LR       30
#define ESR_WRITES (UINT64_C(1) << 6)

static uint64_t value(const void *context, size_t index)
{
    const mcontext_t *at = &((const ucontext_t *)context)->uc_mcontext;
    return index < GENERAL ? at->regs[index] : index == GENERAL ? at->sp : at->pc;
}

struct registers registers_of(const void *context)
{
    const mcontext_t *at = &((const ucontext_t *)context)->uc_mcontext;
    return (struct registers){
        .pc = at->pc, .sp = at->sp, .fp = at->regs[X_FP], .link = at->regs[X_LR]};
}

static void set(void *context, uint64_t pc, uint64_t sp)
{
    mcontext_t *at = &((ucontext_t *)context)->uc_mcontext;
    at->pc = pc;
    at->sp = sp;
}

void registers_return(void *context, uint64_t pc)
{
    set(context, pc, registers_of(context).sp);
}

/* The fault's syndrome is one of the blocks behind the registers: a data abort says there whether
 * it was a write. */
uint32_t registers_access(const void *context)
{
    const mcontext_t *at = &((const ucontext_t *)context)->uc_mcontext;
    const unsigned char *block = at->__reserved;
    for (size_t used = 0; used + sizeof(struct esr_context) <= sizeof at->__reserved;) {
        const struct _aarch64_ctx *head = (const void *)(block + used);
        if (head->magic == ESR_MAGIC) {
            uint64_t syndrome = ((const struct esr_context *)(const void *)head)->esr;
            uint64_t kind = syndrome >> 26 & 0x3f;
            bool data = kind == 0x24 || kind == 0x25;
            bool jump = kind == 0x20 || kind == 0x21;
            return data && (syndrome & ESR_WRITES) != 0 ? 1 : data || jump ? 2 : 0;
        }
        if (head->magic == 0 || head->size == 0) {
            break;
        }
        used += head->size;
    }
    return 0;
}

#else
#error "the crash record knows x86-64 and aarch64: add this machine's registers here"
#endif

_Static_assert(COUNT <= CRASH_REGISTERS_MOST, "the record has room for each register");

void registers_put_back(void *context, const struct registers *registers)
{
    set(context, registers->pc, registers->sp);
}

void registers_record(const void *context, struct crash_record *record)
{
    for (size_t i = 0; i < COUNT; i++) {
        record->registers[i] = value(context, i);
    }
    record->register_count = (uint32_t)COUNT;
}
