/* What the measured programs write down and the bench reads: a file that all of them map. */
#ifndef BENCH_SHEET_H
#define BENCH_SHEET_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHEET_SAMPLES 65536U

struct lane {              /* of one program; all times are CLOCK_MONOTONIC in ns */
    _Atomic uint64_t save; /* the number in the library that took over last; stored last */
    uint64_t first_ns;     /* when its first step began */
    uint64_t pause_ns;     /* from the end of the old code's last step to that */
    uint64_t end_ns;       /* when the last step ended */
};

enum order {
    ORDER_NONE,
    ORDER_DIE,
    ORDER_HEAP /* take memory and fill it */
};

struct sheet {
    struct lane hotrun, bare;
    _Atomic uint64_t order; /* what the module is to do in its next step; it sets ORDER_NONE then */
    _Atomic uint64_t count; /* of samples: steps on the grid */
    struct {
        uint32_t told_ns;  /* the deadline to hotrun_step.now_ns */
        uint32_t began_ns; /* the deadline to the step's first instruction */
    } samples[SHEET_SAMPLES];
};

static inline uint64_t sheet_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* The sheet in the file `path`, made if it is not there. Ends the program when that fails. */
static inline struct sheet *sheet_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct sheet)) != 0) {
        abort();
    }
    void *at =
        mmap(NULL, sizeof(struct sheet), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    (void)close(fd);
    if (at == MAP_FAILED) {
        abort();
    }
    return at;
}

#endif
