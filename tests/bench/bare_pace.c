/* The bare limit of a paced loop: sleeps until each deadline of a grid and does nothing there.
 * Prints the lateness of each wake-up in ns, a line each, and last the CPU time in ns.
 *   bare_pace HZ SECONDS */
#define _GNU_SOURCE
#include "sheet.h"

#include <stdio.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
    double hz = argc == 3 ? atof(argv[1]) : 0;
    double seconds = argc == 3 ? atof(argv[2]) : 0;
    size_t count = (size_t)(hz * seconds);
    uint64_t *late = calloc(count + 1, sizeof *late);
    if (count == 0 || late == NULL) {
        (void)fprintf(stderr, "usage: bare_pace HZ SECONDS\n");
        return 1;
    }
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    struct timespec before, after;
    uint64_t base = sheet_clock();
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (size_t i = 0; i < count; i++) {
        uint64_t due = base + (uint64_t)((double)(i + 1) * (1e9 / hz));
        struct timespec at = {.tv_sec = (time_t)(due / 1000000000U),
                              .tv_nsec = (long)(due % 1000000000U)};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        late[i] = sheet_clock() - due;
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    for (size_t i = 0; i < count; i++) {
        (void)printf("%llu\n", (unsigned long long)late[i]);
    }
    (void)printf("%lld\n", (long long)(after.tv_sec - before.tv_sec) * 1000000000 +
                               (after.tv_nsec - before.tv_nsec));
    return 0;
}
