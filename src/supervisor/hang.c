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
}

static void begin(struct hang *hang, const struct hang_look *look)
{
    hang->watching = true;
    hang->begun = hang->settled = *look;
    hang->slept_ns = 0;
    open_window(hang, look);
}

/* What of the time since that look was neither spent computing nor waiting for a processor. */
static uint64_t slept(const struct hang_look *from, const struct hang_look *look)
{
    uint64_t awake = since(from->cpu_ns, look->cpu_ns) + since(from->starved_ns, look->starved_ns);
    return since(awake, since(from->now_ns, look->now_ns));
}

static bool is_busy(struct hang *hang, uint64_t hang_ns, const struct hang_look *look)
{
    uint64_t computed = since(hang->window.cpu_ns, look->cpu_ns);
    uint64_t asleep = slept(&hang->window, &hang->settled);
    if (hang_ns == 0 || computed + asleep < hang_ns) {
        return false;
    }
    if (computed >= asleep) {
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
    if (!look->ready) {
        hang->settled = *look;
    }
    hang->slept_ns = slept(&hang->begun, &hang->settled);
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
