/* The module of the rows about cost: its step does nothing. With -DBENCH_STATE it has a state, of
 * which checkpoints are made. With -DBENCH_BLOB=FILE it carries that file's bytes, which makes the
 * library large, and a number that the saver changes. */
#include <hotrun/hotrun.h>

#ifdef BENCH_BLOB
__asm__(".section .rodata\n"
        "bench_blob: .incbin \"" BENCH_BLOB "\"\n"
        ".previous\n");
__attribute__((used)) static const volatile struct {
    char tag[16];
    uint64_t save;
} mark = {"BENCH-SAVE-HERE", 0};
#endif

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host, (void)state, (void)now;
    return HOTRUN_OK;
}

#ifdef BENCH_STATE
HOTRUN_MODULE(long, .name = "empty", .flags = HOTRUN_STATE_PLAIN, .step = step);
#else
HOTRUN_MODULE_STATELESS(.name = "empty", .step = step);
#endif
