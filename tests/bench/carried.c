/* A state that hotrun carries over: none, a hundred fields in one of two orders, or a large one
 * with the same layout. */
#include "hotrun/hotrun.h"

#define TEN(m, n) m(n##0) m(n##1) m(n##2) m(n##3) m(n##4) m(n##5) m(n##6) m(n##7) m(n##8) m(n##9)
#define FIVE(n)                                                                                    \
    int a##n;                                                                                      \
    short b##n;                                                                                    \
    long c##n;                                                                                     \
    float d##n;                                                                                    \
    char e##n[4];
#define EVIF(n)                                                                                    \
    char e##n[4];                                                                                  \
    float d##n;                                                                                    \
    long c##n;                                                                                     \
    short b##n;                                                                                    \
    int a##n;

#if defined(BENCH_LARGE)
struct state {
    long count;
    char bytes[BENCH_LARGE];
};
#elif defined(BENCH_OTHER)
struct state {
    TEN(EVIF, 1) TEN(EVIF, 2) long count;
};
#else
struct state {
    long count;
    TEN(FIVE, 1) TEN(FIVE, 2)
};
#endif

__attribute__((used)) static volatile const char mark[24] = "BENCH-SAVE-HERE";

#ifdef BENCH_STATELESS
static hotrun_status step(const hotrun_host *host, void *data, const hotrun_step *now)
{
    (void)host, (void)data, (void)now;
    return HOTRUN_OK;
}

HOTRUN_MODULE_STATELESS(.name = "carried", .step = step);
#else
static hotrun_status step(const hotrun_host *host, void *data, const hotrun_step *now)
{
    struct state *state = data;
    (void)host, (void)now;
    state->count++;
#ifdef BENCH_LARGE
    for (long i = 0; state->count == 1 && i < BENCH_LARGE; i += 4096)
        state->bytes[i] = (char)(i / 4096 + 1);
#endif
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct state, .name = "carried", .step = step);
#endif
