// Heap objects and marks where C++ has more places for them: templates, inline members, namespaces.
#include "hotrun/hotrun.hpp"

namespace
{

template <typename T>
struct list {
    T value;
    list *next;
    HOTRUN_RENAMED(value, item);
};

struct world {
    list<int> *numbers = nullptr;
    list<double> *reals = nullptr;
    int frame = 0;
    HOTRUN_TRANSIENT(frame);

    inline list<int> *prepend(const hotrun_host &host)
    {
        list<int> *fresh = hotrun_alloc(&host, list<int>, 1);
        if (fresh)
            fresh->next = numbers;
        return numbers = fresh;
    }
};

template <typename T>
void drop(const hotrun_host &host, list<T> *&all)
{
    while (list<T> *one = all) {
        all = one->next;
        hotrun_free(&host, one);
    }
}

hotrun_status step(const hotrun_host &host, world &state, const hotrun_step &)
{
    const auto make = [&host] { return hotrun_alloc(&host, list<double>, 1); };
    state.reals = make();
    return state.prepend(host) ? HOTRUN_OK : HOTRUN_ERR_NOMEM;
}

void fini(const hotrun_host &host, world *state, uint32_t)
{
    if (state) {
        drop(host, state->numbers);
        drop(host, state->reals);
    }
}

} // namespace

HOTRUN_MODULE(world, .name = "world", .init = hotrun::construct<world>,
              .step = hotrun::step<world, step>, .fini = hotrun::fini<world, fini>);
