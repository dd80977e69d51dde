/* A call hangs when it computes and does not end; not when it waits, is stopped or gets no time. */
#include "supervisor/hang.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MS          UINT64_C(1000000)
#define PERIOD      250
#define STEP(index) ((uint64_t)(index) << 4 | 3)

/* What happens in a stretch of time, seen every PERIOD ms unless `every` says otherwise. */
struct stretch {
    unsigned ms;
    unsigned cpu, starved; /* percent of it; the rest is slept */
    uint64_t word;         /* 0: the host's own code */
    unsigned calls;
    bool stands;
    unsigned every;
    bool ready;
    unsigned starved_ms; /* of the time before it, which are counted with its first look */
    bool in_wait; /* every second look finds it waiting for a processor: not counted so far */
};

#define BUSY(time)                                                                                 \
    {                                                                                              \
        .ms = (time), .cpu = 100, .word = STEP(7)                                                  \
    }
#define SLEEP(time)                                                                                \
    {                                                                                              \
        .ms = (time), .cpu = 0, .word = STEP(7)                                                    \
    }

#define NEVER HANG_NONE, 0, 0 /* no verdict in all of it */

struct row {
    const char *name;
    uint64_t hang_ms, blocked_ms;
    struct stretch stretches[8];
    enum hang_verdict verdict; /* the last one that is not HANG_NONE */
    unsigned at_ms;            /* when it was given first; 0: not looked at */
    unsigned told;             /* how often HANG_BLOCKED was given */
};

static const struct row rows[] = {
    {"a loop that never ends", 5000, 0, {BUSY(6000)}, HANG_BUSY, 5000, 0},
    {"a long step that ends in time", 5000, 0, {BUSY(4750), {.ms = 1000, .word = 0}}, NEVER},
    {"steps that follow each other",
     1000,
     0,
     {{.ms = 750, .cpu = 100, .word = STEP(1)},
      {.ms = 750, .cpu = 100, .word = STEP(2)},
      {.ms = 750, .cpu = 100, .word = STEP(3)}},
     NEVER},
    {"calls that follow each other before one step",
     1000,
     0,
     {{.ms = 750, .cpu = 100, .word = STEP(1), .calls = 1},
      {.ms = 750, .cpu = 100, .word = STEP(1), .calls = 2},
      {.ms = 750, .cpu = 100, .word = STEP(1), .calls = 3}},
     NEVER},
    {"the host's own code", 1000, 1000, {{.ms = 9000, .cpu = 100}, {.ms = 9000}}, NEVER},
    {"a read that waits is told once", 5000, 0, {SLEEP(60000)}, HANG_BLOCKED, 5000, 1},
    {"two reads that wait are two calls",
     1000,
     0,
     {{.ms = 3000, .word = STEP(1)}, {.ms = 3000, .word = STEP(2)}},
     HANG_BLOCKED,
     1000,
     2},
    {"a wait has its own limit", 5000, 9000, {SLEEP(9500)}, HANG_BLOCKED_LONG, 0, 1},
    {"a wait's limit below that of hangs", 5000, 1000, {SLEEP(1250)}, HANG_BLOCKED_LONG, 1000, 0},
    {"neither has a limit", 0, 0, {BUSY(90000), SLEEP(90000)}, NEVER},
    {"only waits have one", 0, 2000, {BUSY(90000), SLEEP(2500)}, HANG_BLOCKED_LONG, 92000, 0},
    {"a loop with a sleep in it waits",
     5000,
     0,
     {{.ms = 30000, .cpu = 30, .word = STEP(7)}},
     HANG_BLOCKED,
     0,
     1},
    {"a loop with a short sleep in it hangs",
     5000,
     0,
     {{.ms = 6000, .cpu = 80, .word = STEP(7)}},
     HANG_BUSY,
     5000,
     0},
    {"a loop after a long wait hangs at last",
     5000,
     0,
     {SLEEP(60000), BUSY(11000)},
     HANG_BUSY,
     0,
     1},
    {"hardly any time on an overloaded machine",
     5000,
     0,
     {{.ms = 49000, .cpu = 10, .starved = 90, .word = STEP(7)}},
     NEVER},
    {"a loop on an overloaded machine, when it has had its time",
     5000,
     0,
     {{.ms = 51000, .cpu = 10, .starved = 90, .word = STEP(7)}},
     HANG_BUSY,
     50000,
     0},
    {"a loop on an overloaded machine that is seen while it waits",
     1000,
     0,
     {{.ms = 9000, .cpu = 20, .starved = 80, .word = STEP(7), .in_wait = true}},
     HANG_BUSY,
     0,
     0},
    {"a long wait for a processor, which is counted when it is over",
     2000,
     2000,
     {BUSY(500),
      {.ms = 5000, .word = STEP(7), .ready = true},
      {.ms = 250, .cpu = 100, .word = STEP(7), .ready = true, .starved_ms = 5000},
      SLEEP(500)},
     NEVER},
    {"such a wait is no part of what is busy",
     1000,
     0,
     {BUSY(500),
      {.ms = 500, .word = STEP(7), .ready = true},
      {.ms = 250, .word = STEP(7), .starved_ms = 500}},
     NEVER},
    {"a sleep before and behind such a wait",
     5000,
     2000,
     {SLEEP(1000),
      {.ms = 5000, .word = STEP(7), .ready = true},
      {.ms = 250, .word = STEP(7), .starved_ms = 5000},
      SLEEP(1000)},
     HANG_BLOCKED_LONG,
     7000,
     0},
    {"a loop is ready at each look",
     5000,
     0,
     {{.ms = 6000, .cpu = 100, .word = STEP(7), .ready = true}},
     HANG_BUSY,
     5000,
     0},
    {"a debugger holds it",
     1000,
     1000,
     {BUSY(750), {.ms = 9000, .word = STEP(7), .stands = true}, BUSY(750)},
     NEVER},
    {"the debugger lets go of a loop",
     1000,
     0,
     {BUSY(750), {.ms = 9000, .word = STEP(7), .stands = true}, BUSY(1500)},
     HANG_BUSY,
     11000,
     0},
    {"both were stopped, so that no look was taken",
     1000,
     1000,
     {BUSY(750), {.ms = 9000, .word = STEP(7), .every = 9000}, BUSY(750)},
     NEVER},
    {"a pause of the whole machine in a wait",
     5000,
     0,
     {SLEEP(4000), {.ms = 90000, .word = STEP(7), .every = 90000}, SLEEP(4000)},
     NEVER},
    {"a wait that was told is not told again after a pause",
     1000,
     0,
     {SLEEP(2000), {.ms = 9000, .word = STEP(7), .every = 9000}, SLEEP(4000)},
     HANG_BLOCKED,
     1000,
     1},
};

/* Takes the looks of a row; `first_ms`: of the first verdict that is the row's last one. */
static enum hang_verdict run(const struct row *row, unsigned *first_ms, unsigned *told)
{
    const struct hang_limits limits = {
        .hang_ns = row->hang_ms * MS, .blocked_ns = row->blocked_ms * MS, .gap_ns = 800 * MS};
    struct hang hang = {0};
    enum hang_verdict last = HANG_NONE;
    unsigned since[HANG_BLOCKED_LONG + 1] = {0};
    struct hang_look look = {.now_ns = 1000 * MS};
    uint64_t owed_ns = 0;
    *told = 0;
    for (size_t i = 0; i < sizeof row->stretches / sizeof row->stretches[0]; i++) {
        const struct stretch *stretch = &row->stretches[i];
        unsigned every = stretch->every != 0 ? stretch->every : PERIOD;
        look.word = stretch->word;
        look.calls = stretch->calls;
        look.counts = stretch->word != 0;
        look.stands = stretch->stands;
        look.ready = stretch->ready;
        look.starved_ns += stretch->starved_ms * MS;
        for (unsigned ms = 0; ms < stretch->ms; ms += every) {
            /* The first look of a row is at its start. */
            if (i == 0 && ms == 0) {
                assert_int_equal(hang_judge(&hang, &limits, &look), HANG_NONE);
            }
            look.now_ns += every * MS;
            look.cpu_ns += every * MS * stretch->cpu / 100;
            owed_ns += every * MS * stretch->starved / 100;
            if (!stretch->in_wait || ms / every % 2 == 1) {
                look.starved_ns += owed_ns;
                owed_ns = 0;
            }
            enum hang_verdict verdict = hang_judge(&hang, &limits, &look);
            *told += verdict == HANG_BLOCKED;
            if (verdict != HANG_NONE && since[verdict] == 0) {
                since[verdict] = (unsigned)(look.now_ns / MS) - 1000;
            }
            last = verdict != HANG_NONE ? verdict : last;
        }
    }
    *first_ms = since[last];
    return last;
}

static void test_each_story_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned at_ms = 0;
        unsigned told = 0;
        enum hang_verdict verdict = run(&rows[i], &at_ms, &told);
        if (verdict != rows[i].verdict || told != rows[i].told ||
            (rows[i].at_ms != 0 && at_ms != rows[i].at_ms)) {
            fail_msg("%s: verdict %d at %u ms, told %u times", rows[i].name, (int)verdict, at_ms,
                     told);
        }
    }
}

static void test_counters_that_go_back_do_no_harm(void **state)
{
    (void)state;
    const struct hang_limits limits = {.hang_ns = 1000 * MS, .gap_ns = 800 * MS};
    struct hang hang = {0};
    struct hang_look look = {.now_ns = 5000 * MS,
                             .word = STEP(1),
                             .counts = true,
                             .cpu_ns = 900 * MS,
                             .starved_ns = 900 * MS};
    assert_int_equal(hang_judge(&hang, &limits, &look), HANG_NONE);
    for (int i = 0; i < 3; i++) {
        look.now_ns -= 100 * MS;
        look.cpu_ns = look.starved_ns = 0;
        assert_int_equal(hang_judge(&hang, &limits, &look), HANG_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_story_has_its_verdict),
        cmocka_unit_test(test_counters_that_go_back_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
