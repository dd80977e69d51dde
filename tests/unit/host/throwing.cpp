/* A library in C++ whose exceptions are caught, and not. */
#include <stdexcept>

static __attribute__((noinline)) void fail(int number)
{
    if (number > 0) {
        throw std::runtime_error("expected");
    }
}

struct counted {
    int &count;
    ~counted()
    {
        count++;
    }
};

/* How many destructors ran on the way out of the exception; -1: it was not caught. */
extern "C" int catches(int number)
{
    int count = 0;
    try {
        counted first{count};
        counted second{count};
        fail(number);
    } catch (const std::exception &) {
        return count;
    }
    return -1;
}

extern "C" void throws_uncaught()
{
    fail(1);
    __asm__ volatile("" ::: "memory");
}
