#include "supervisor/hang.h"

static uint64_t since(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

static bool is_same_call(const struct hang_look *a, const struct hang_look *b)
{
    return a->word == b->word && a->calls == b->calls;
}

static void open_window(struct hang *hang, const struct hang_look *look)
{
    hang->window = *look;
    hang->window_slept_ns = 0;
}

static void begin(struct hang *hang, const struct hang_look *look)
{
    hang->watching = true;
    hang->slept_ns = 0;
    open_window(hang, look);
}

/* What of the time since the last look was neither spent computing nor waiting for a processor. */
static uint64_t slept(const struct hang_look *last, const struct hang_look *look)
{
    uint64_t awake = since(last->cpu_ns, look->cpu_ns) + since(last->starved_ns, look->starved_ns);
    return since(awake, since(last->now_ns, look->now_ns));
}

static bool is_busy(struct hang *hang, uint64_t hang_ns, const struct hang_look *look)
{
    uint64_t computed = since(hang->window.cpu_ns, look->cpu_ns);
    if (hang_ns == 0 || computed + hang->window_slept_ns < hang_ns) {
        return false;
    }
    if (computed >= hang->window_slept_ns) {
        return true;
    }
    /* What it does from here on is not to be weighed against a long sleep before. */
    open_window(hang, look);
    return false;
}

enum hang_verdict hang_judge(struct hang *hang, const struct hang_limits *limits,
                             const struct hang_look *look)
{
    struct hang_look last = hang->last;
    bool same = is_same_call(&last, look);
    hang->last = *look;
    hang->told = hang->told && same;
    if (!look->counts || look->stands) {
        hang->watching = false;
        return HANG_NONE;
    }
    if (!hang->watching || !same || since(last.now_ns, look->now_ns) > limits->gap_ns) {
        begin(hang, look);
        return HANG_NONE;
    }
    uint64_t more = slept(&last, look);
    hang->slept_ns += more;
    hang->window_slept_ns += more;
    if (is_busy(hang, limits->hang_ns, look)) {
        return HANG_BUSY;
    }
    if (limits->blocked_ns > 0 && hang->slept_ns >= limits->blocked_ns) {
        return HANG_BLOCKED_LONG;
    }
    if (limits->hang_ns > 0 && hang->slept_ns >= limits->hang_ns && !hang->told) {
        hang->told = true;
        return HANG_BLOCKED;
    }
    return HANG_NONE;
}
