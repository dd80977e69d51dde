/* The bare limit of a comeback: a process dies of a NULL write, its handler rings an eventfd, a
 * second process that waits hears of it from the third one between them, loads the library and
 * makes a step. Prints the nanoseconds from the crash to that step, a line each. bare_comeback
 * LIBRARY SHEET COUNT */
#define _GNU_SOURCE
#include "sheet.h"

#include <dlfcn.h>
#include <hotrun/hotrun.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

static int died, go;

static void ring(int fd)
{
    uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}

static void on_fault(int signal)
{
    ring(died);
    (void)signal;
    _exit(1);
}

static void wait_for(int fd)
{
    uint64_t got;
    (void)!read(fd, &got, sizeof got);
}

static _Noreturn void stand_by(const char *path, const char *const *argv)
{
    static char state[4096];
    hotrun_host host = {.size = sizeof host, .argc = 3, .argv = argv};
    hotrun_step now = {.size = sizeof now, .flags = HOTRUN_STEP_RESTORED};
    wait_for(go);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const hotrun_module *module = library == NULL ? NULL : dlsym(library, "hotrun_module_table");
    if (module == NULL || module->init(&host, state) != HOTRUN_OK ||
        module->deserialize(&host, state, "{\"ticks\": 1}", 12, 0) != HOTRUN_OK) {
        _exit(1);
    }
    (void)module->step(&host, state, &now);
    _exit(0);
}

int main(int argc, char **argv)
{
    const char *const words[] = {argc == 4 ? argv[2] : "", "0", "1024", NULL};
    died = eventfd(0, EFD_CLOEXEC);
    go = eventfd(0, EFD_CLOEXEC);
    if (argc != 4 || died < 0 || go < 0) {
        (void)fprintf(stderr, "bare_comeback: three arguments expected\n");
        return 1;
    }
    struct sheet *sheet = sheet_map(argv[2]);
    for (long i = strtol(argv[3], NULL, 10); i > 0; i--) {
        pid_t spare = fork();
        if (spare == 0) {
            stand_by(argv[1], words);
        }
        (void)usleep(20000); /* it waits by then */
        pid_t dying = fork();
        if (dying == 0) {
            (void)signal(SIGSEGV, on_fault);
            sheet->bare.end_ns = sheet_clock();
            *(volatile int *)(uintptr_t)8 = 1;
        }
        wait_for(died);
        ring(go);
        int status = 0;
        (void)waitpid(spare, &status, 0);
        (void)waitpid(dying, NULL, 0);
        if (status != 0) {
            (void)fprintf(stderr, "bare_comeback: the library cannot be used\n");
            return 1;
        }
        (void)printf("%lu\n", sheet->hotrun.first_ns - sheet->bare.end_ns);
    }
    return 0;
}
