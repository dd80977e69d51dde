/* What stands in front of a pair's code in C and C++. */
#ifndef LAYOUTS_PRELUDE_H
#define LAYOUTS_PRELUDE_H

#include "pair_call.h"

#include <hotrun/hotrun.h>

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#include <new>
#else
#include <complex.h>
#undef I
#endif

static HOTRUN_RESET const struct pair_call *pair;

/* The compiler knows nothing of what lies there from here on. */
static inline void *corpus_touch(const void *address)
{
    void *touched = (void *)(uintptr_t)address;
    __asm__ volatile("" : "+r"(touched) : : "memory");
    return touched;
}

static inline int corpus_is_old(const void *address)
{
    return pair->is_old(address);
}

static inline int corpus_either(long value, long one, long other)
{
    return value == one || value == other;
}

#define EXPECT(ways, text, ...)                                                                    \
    do {                                                                                           \
        if ((pair->way & (ways)) != 0 && !(__VA_ARGS__)) {                                         \
            pair->say(text);                                                                       \
        }                                                                                          \
    } while (0)

#ifdef __cplusplus
template <class T>
static T *corpus_hide(T *object)
{
    return static_cast<T *>(corpus_touch(object));
}
#endif

#endif
