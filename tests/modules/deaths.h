/* Twelve ways to die, for the probe: -include deaths.h -DON_INIT='die_in(PLACE_INIT)' and so on.
 * The way and the place are digits that a test overwrites in the finished library; it dies when the
 * file that $PROBE_TRIGGER names is there, which it removes: once. */
#ifndef MODULES_DEATHS_H
#define MODULES_DEATHS_H

#define _GNU_SOURCE
#include <alloca.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum place {
    PLACE_CONSTRUCTOR,
    PLACE_INIT,
    PLACE_DESERIALIZE,
    PLACE_FIRST_STEP,
    PLACE_LATER_STEP,
    PLACE_OLD_SERIALIZE,
    PLACE_NEW_SERIALIZE,
    PLACE_EVENT,
    PLACE_FINI,
    PLACE_THREAD
};

static volatile const char death_mark[] = "@death=00,0@";
static volatile int zero;
static volatile bool thread_ends;

void die_by_exception(void); /* of exception.cpp */

static void die_by_bus(void)
{
    int fd = memfd_create("cut", MFD_CLOEXEC);
    if (ftruncate(fd, 4096) != 0) {
        abort();
    }
    volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ftruncate(fd, 0) != 0) {
        abort();
    }
    page[0] = 1;
}

static void die_by_overflow(void)
{
    for (;;) {
        volatile char *more = alloca(4096);
        more[0] = 1;
    }
}

static void die_by_double_free(void)
{
    void *volatile memory = malloc(100);
    free(memory);
    free(memory);
}

static void hang(void)
{
    while (!thread_ends) {
    }
}

static void die(void)
{
    switch ((death_mark[7] - '0') * 10 + (death_mark[8] - '0')) {
    case 0:
        *(volatile int *)0 = 1;
        break;
    case 1:
        die_by_bus();
        break;
    case 2:
        __builtin_trap();
    case 3:
        zero = 10 / zero;
        break;
    case 4:
        abort();
    case 5:
        die_by_overflow();
        break;
    case 6:
        exit(3);
    case 7:
        _exit(4);
    case 8:
        die_by_exception();
        break;
    case 9:
        (void)kill(getpid(), SIGKILL);
        break;
    case 10:
        die_by_double_free();
        break;
    default:
        hang();
        break;
    }
}

static bool is_place(enum place place)
{
    return death_mark[10] - '0' == (int)place;
}

static void die_in(enum place place)
{
    const char *trigger = getenv("PROBE_TRIGGER");
    if (is_place(place) && trigger != NULL && unlink(trigger) == 0) {
        die();
    }
}

static void *thread_dies(void *nothing)
{
    (void)nothing;
    die_in(PLACE_THREAD);
    return NULL;
}

/* Joined before the library goes, as every thread of a module has to be. */
static void thread_starts(bool now)
{
    static pthread_t thread;
    static bool runs;
    if (now && is_place(PLACE_THREAD)) {
        runs = pthread_create(&thread, NULL, thread_dies, NULL) == 0;
    } else if (!now && runs) {
        thread_ends = true;
        (void)pthread_join(thread, NULL);
        runs = false;
    }
}

#endif
