/* A library whose functions die, each in its own way, called by one that can be looked for. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own, whatever has taken the place of malloc. */
extern void *__libc_malloc(size_t size);
extern void __libc_free(void *memory);

#define DEATH __attribute__((noinline, noclone)) void
#define AFTER __asm__ volatile("" ::: "memory") /* no tail call: the frame stays */

static void (*volatile nowhere)(void);
static volatile unsigned long own_beats;
volatile unsigned long *beats = &own_beats; /* what a main thread that goes on counts */

DEATH write_to_null(void)
{
    *(volatile int *)(uintptr_t)8 = 1;
}

DEATH read_from_null(void)
{
    (void)*(volatile int *)(uintptr_t)16;
}

DEATH call_through_null(void)
{
    nowhere();
    AFTER;
}

DEATH overflow_the_stack(void)
{
    volatile char room[512];
    room[0] = 1;
    overflow_the_stack();
    room[1] = 1;
}

DEATH call_abort(void)
{
    abort();
}

DEATH free_twice(void)
{
    void *memory = __libc_malloc(100);
    __libc_free(memory);
    __libc_free(memory);
    AFTER;
}

DEATH divide_by_zero(void)
{
    volatile int zero = 0;
    zero = 7 / zero;
}

DEATH trap(void)
{
    __builtin_trap();
}

DEATH call_exit(void)
{
    exit(5);
}

DEATH spin(void)
{
    for (;;) {
        (*beats)++;
    }
}

DEATH lose_the_stack(void)
{
#ifdef __x86_64__
    __asm__ volatile("mov $0x1000, %%rbp\n\tmov $0x1000, %%rsp\n\tmovl $0, 0" ::: "memory");
#endif
}

static void *thread_that_dies(void *ctx)
{
    (void)ctx;
    while (*beats < 1000) {
    }
    write_to_null();
    AFTER;
    return NULL;
}

DEATH die_in_a_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_that_dies, NULL) == 0) {
        spin();
    }
    AFTER;
}

/* Calls the function of that name. */
__attribute__((noinline, noclone)) void caller(void (*death)(void))
{
    death();
    AFTER;
}

#ifdef AT_ONCE
__attribute__((constructor)) static void construct(void)
{
    write_to_null();
    AFTER;
}
#endif
