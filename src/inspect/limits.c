#include "inspect/limits.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEMORY_MOST ((rlim_t)4 << 30)

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_BOUND false /* the sanitizer reserves terabytes */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_IS_BOUND false
#endif
#endif
#ifndef MEMORY_IS_BOUND
#define MEMORY_IS_BOUND true
#endif

void limits_bind(void)
{
    if (MEMORY_IS_BOUND) {
        (void)setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_MOST, MEMORY_MOST});
    }
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    /* Where memory runs out, this process is the least loss. */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "1000", 4);
        (void)close(fd);
    }
}

void limits_bind_time(unsigned seconds)
{
    struct rusage used;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &used) == 0 && getrlimit(RLIMIT_CPU, &limit) == 0) {
        limit.rlim_cur = (rlim_t)used.ru_utime.tv_sec + (rlim_t)used.ru_stime.tv_sec + seconds;
        (void)setrlimit(RLIMIT_CPU, &limit);
    }
}
