#include "supervisor/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EACH_CELL(state, event)                                                                    \
    for (enum policy_event event = 0; event < POLICY_EVENT_COUNT; event++)                         \
        for (enum policy_state state = 0; state < POLICY_STATE_COUNT; state++)

static const char *const states[] = {"starting",   "running", "swapping", "probation",
                                     "restarting", "held",    "paused",   "stopping"};

/* The policy, written by hand: what a cell must say, by event and by state in the order above. */
static const struct {
    const char *event;
    const char *cells[POLICY_STATE_COUNT];
} rows[] = {
    {"library_ready",
     {"P", "S > swapping", "P", "S > swapping", "P", "ST > starting", "S > swapping", "-"}},
    {"swap_accepted",
     {"T > probation", "! K", "T > probation", "! K", "T > running", "! K", "! K", "-"}},
    {"swap_rejected", {"Q H > held", "! K", "Q R T", "! K", "O", "! K", "! K", "-"}},
    {"swap_cancelled", {"! K", "! K", "R T", "! K", "! K", "! K", "! K", "-"}},
    {"probation_over", {"-", "-", "-", "C > running", "-", "-", "-", "-"}},
    {"host_died",
     {"Q H > held", "N RS > restarting", "Q RB > restarting", "Q RB > restarting", "N O", "-",
      "N RS > restarting", "XX"}},
    {"host_hung", {"K", "K", "K", "K", "K", "K", "K", "K"}},
    {"exit_intent",
     {"X > stopping", "X > stopping", "X > stopping", "X > stopping", "X > stopping", "-",
      "X > stopping", "-"}},
    {"ctl_reload",
     {"P", "S > swapping", "P", "S > swapping", "P", "ST > starting", "S > swapping", "E"}},
    {"ctl_pause", {"F+", "F+", "F+", "F+ CL", "F+", "F+", "-", "E"}},
    {"ctl_resume", {"F-", "-", "F-", "F- CL", "F-", "F- RS > restarting", "F-", "E"}},
    {"ctl_rollback",
     {"E", "Q RB > restarting", "Q RB > restarting", "Q RB > restarting", "E", "RB > restarting",
      "Q RB > restarting", "E"}},
    {"ctl_reset",
     {"E", "Z > restarting", "E", "Z > restarting", "E", "Z > restarting", "Z > restarting", "E"}},
    {"ctl_restore",
     {"E", "Z > restarting", "E", "Z > restarting", "E", "Z > restarting", "Z > restarting", "E"}},
    {"ctl_edit", {"W", "S > swapping", "W", "S > swapping", "W", "E", "S > swapping", "E"}},
    {"build_started", {"V", "V", "V", "V", "V", "V", "V", "-"}},
    {"build_failed", {"V", "V", "V", "V", "V", "V", "V", "-"}},
    {"build_ok",
     {"P", "S > swapping", "P", "S > swapping", "P", "ST > starting", "S > swapping", "-"}},
    {"signal_term",
     {"K XX > stopping", "X > stopping", "X > stopping", "X > stopping", "K XX > stopping",
      "XX > stopping", "X > stopping", "K"}},
    {"spare_ready", {"SP", "SP", "SP", "SP", "SP", "SP", "SP", "-"}},
    {"spare_died", {"SP", "SP", "SP", "SP", "SP", "SP", "SP", "-"}},
    {"spawn_failed", {"B", "B", "B", "B", "B", "-", "B", "XX"}},
    {"backoff_over", {"ST", "-", "ST", "-", "ST", "-", "-", "-"}},
    {"tracer_on", {"CL", "CL", "CL", "CL", "CL", "-", "CL", "CL"}},
    {"tracer_off", {"CL", "CL", "CL", "CL", "CL", "-", "CL", "CL"}},
    {"durable_failed", {"V", "V", "V", "V", "V", "V", "V", "V"}},
};

static bool has(struct policy_cell cell, unsigned steps)
{
    return (cell.steps & steps) != 0;
}

static void expect_truth(bool truth, enum policy_state state, enum policy_event event)
{
    if (!truth) {
        char text[128];
        policy_cell_text(policy_decide(state, event), text, sizeof text);
        fail_msg("%s while %s: %s", policy_event_name(event), policy_state_name(state), text);
    }
}

static void every_cell_says_what_was_decided(void **state)
{
    (void)state;
    assert_int_equal(sizeof rows / sizeof rows[0], POLICY_EVENT_COUNT);
    assert_int_equal(sizeof states / sizeof states[0], POLICY_STATE_COUNT);
    EACH_CELL(in, on)
    {
        char text[128];
        policy_cell_text(policy_decide(in, on), text, sizeof text);
        assert_string_equal(policy_event_name(on), rows[on].event);
        assert_string_equal(policy_state_name(in), states[in]);
        assert_non_null(rows[on].cells[in]);
        if (strcmp(text, rows[on].cells[in]) != 0) {
            fail_msg("%s while %s: \"%s\", \"%s\" was decided", rows[on].event, states[in], text,
                     rows[on].cells[in]);
        }
    }
}

/* A cell that is left out of the table would be all zero: "> starting" with nothing to do. */
static void no_cell_is_forgotten(void **state)
{
    (void)state;
    EACH_CELL(in, on)
    {
        struct policy_cell cell = policy_decide(in, on);
        expect_truth(cell.next <= POLICY_SAME, in, on);
        expect_truth(cell.steps != 0 || cell.next == POLICY_SAME, in, on);
        expect_truth(cell.steps < POLICY_WAIT << 1, in, on);
    }
}

static void a_death_is_never_ignored_while_something_runs(void **state)
{
    (void)state;
    for (enum policy_state in = 0; in < POLICY_STATE_COUNT; in++) {
        struct policy_cell cell = policy_decide(in, POLICY_HOST_DIED);
        expect_truth((cell.steps != 0) == (in != POLICY_HELD), in, POLICY_HOST_DIED);
        expect_truth(!has(cell, POLICY_BUG | POLICY_KILL), in, POLICY_HOST_DIED);
        /* It leads to known code, to the next way to it, to a hold, or to the end. */
        expect_truth(in == POLICY_HELD || has(cell, POLICY_RESTART | POLICY_ROLLBACK |
                                                        POLICY_OLDER | POLICY_HOLD | POLICY_EXIT),
                     in, POLICY_HOST_DIED);
        expect_truth(has(policy_decide(in, POLICY_HOST_HUNG), POLICY_KILL), in, POLICY_HOST_HUNG);
    }
}

static void an_answer_of_the_host_is_never_ignored_while_one_is_awaited(void **state)
{
    (void)state;
    static const enum policy_state waiting[] = {POLICY_STARTING, POLICY_SWAPPING,
                                                POLICY_RESTARTING};
    for (size_t i = 0; i < 3; i++) {
        struct policy_cell accepted = policy_decide(waiting[i], POLICY_SWAP_ACCEPTED);
        struct policy_cell rejected = policy_decide(waiting[i], POLICY_SWAP_REJECTED);
        expect_truth(has(accepted, POLICY_TAKE), waiting[i], POLICY_SWAP_ACCEPTED);
        expect_truth(accepted.next == POLICY_PROBATION || accepted.next == POLICY_RUNNING,
                     waiting[i], POLICY_SWAP_ACCEPTED);
        expect_truth(has(rejected, POLICY_HOLD | POLICY_RETURN | POLICY_OLDER), waiting[i],
                     POLICY_SWAP_REJECTED);
    }
}

static void nothing_is_held_without_a_hold(void **state)
{
    (void)state;
    EACH_CELL(in, on)
    {
        struct policy_cell cell = policy_decide(in, on);
        expect_truth((cell.next == POLICY_HELD) == has(cell, POLICY_HOLD), in, on);
    }
}

static void no_library_is_dropped_before_the_end(void **state)
{
    (void)state;
    static const enum policy_event arrivals[] = {POLICY_LIBRARY_READY, POLICY_CTL_RELOAD,
                                                 POLICY_BUILD_OK};
    for (size_t i = 0; i < 3; i++) {
        for (enum policy_state in = 0; in < POLICY_STOPPING; in++) {
            struct policy_cell cell = policy_decide(in, arrivals[i]);
            expect_truth(has(cell, POLICY_KEEP | POLICY_SWAP | POLICY_START), in, arrivals[i]);
        }
    }
}

static void what_is_done_fits_where_it_leads(void **state)
{
    (void)state;
    static const struct {
        unsigned steps;
        enum policy_state next, or ;
    } leads[] = {{POLICY_SWAP, POLICY_SWAPPING, POLICY_SWAPPING},
                 {POLICY_FRESH, POLICY_RESTARTING, POLICY_RESTARTING},
                 {POLICY_START, POLICY_STARTING, POLICY_SAME},
                 {POLICY_RESTART | POLICY_ROLLBACK, POLICY_RESTARTING, POLICY_RESTARTING},
                 {POLICY_CONFIRM, POLICY_RUNNING, POLICY_RUNNING},
                 {POLICY_STOP, POLICY_STOPPING, POLICY_STOPPING},
                 {POLICY_EXIT, POLICY_STOPPING, POLICY_SAME},
                 {POLICY_KEEP | POLICY_OLDER | POLICY_RETURN, POLICY_SAME, POLICY_SAME}};
    EACH_CELL(in, on)
    {
        struct policy_cell cell = policy_decide(in, on);
        for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
            expect_truth(!has(cell, leads[i].steps) || cell.next == leads[i].next ||
                             cell.next == leads[i].or
                         , in, on);
        }
        expect_truth(cell.next != in, in, on);
    }
}

static void only_commands_are_answered_and_bugs_do_nothing_else(void **state)
{
    (void)state;
    EACH_CELL(in, on)
    {
        struct policy_cell cell = policy_decide(in, on);
        bool command = on >= POLICY_CTL_RELOAD && on <= POLICY_CTL_EDIT;
        bool answer = on >= POLICY_SWAP_ACCEPTED && on <= POLICY_SWAP_CANCELLED;
        if (has(cell, POLICY_REFUSE)) {
            expect_truth(command && cell.steps == POLICY_REFUSE && cell.next == POLICY_SAME, in,
                         on);
        }
        if (has(cell, POLICY_BUG)) {
            expect_truth(answer && cell.steps == (POLICY_BUG | POLICY_KILL) &&
                             cell.next == POLICY_SAME,
                         in, on);
        }
        expect_truth(!command || in != POLICY_STOPPING || has(cell, POLICY_REFUSE), in, on);
    }
}

static void the_end_is_reached_from_everywhere_and_never_left(void **state)
{
    (void)state;
    for (enum policy_state in = 0; in < POLICY_STOPPING; in++) {
        expect_truth(policy_decide(in, POLICY_SIGNAL_TERM).next == POLICY_STOPPING, in,
                     POLICY_SIGNAL_TERM);
    }
    for (enum policy_event on = 0; on < POLICY_EVENT_COUNT; on++) {
        struct policy_cell cell = policy_decide(POLICY_STOPPING, on);
        expect_truth(cell.next == POLICY_SAME, POLICY_STOPPING, on);
        expect_truth(!has(cell, POLICY_KEEP | POLICY_SWAP | POLICY_START | POLICY_ROLLBACK |
                                    POLICY_RESTART | POLICY_OLDER | POLICY_TAKE | POLICY_HOLD |
                                    POLICY_FRESH | POLICY_BACKOFF),
                     POLICY_STOPPING, on);
    }
}

static void paused_is_running_but_for_the_flag(void **state)
{
    (void)state;
    for (enum policy_event on = 0; on < POLICY_EVENT_COUNT; on++) {
        struct policy_cell running = policy_decide(POLICY_RUNNING, on);
        struct policy_cell paused = policy_decide(POLICY_PAUSED, on);
        bool same = running.steps == paused.steps && running.next == paused.next;
        expect_truth(same || on == POLICY_CTL_PAUSE || on == POLICY_CTL_RESUME, POLICY_PAUSED, on);
    }
    EACH_CELL(in, on)
    {
        expect_truth(policy_decide(in, on).next != POLICY_PAUSED, in, on);
    }
}

static void every_state_can_be_reached(void **state)
{
    (void)state;
    /* The supervisor begins in `held`; `paused` is running with a flag. */
    bool reached[POLICY_STATE_COUNT] = {[POLICY_HELD] = true, [POLICY_PAUSED] = true};
    for (int round = 0; round < POLICY_STATE_COUNT; round++) {
        EACH_CELL(in, on)
        {
            enum policy_state next = policy_decide(in, on).next;
            if (reached[in] && next != POLICY_SAME) {
                reached[next] = true;
            }
        }
    }
    for (int i = 0; i < POLICY_STATE_COUNT; i++) {
        assert_true(reached[i]);
    }
}

static void a_cell_is_cut_to_the_room_that_there_is(void **state)
{
    (void)state;
    struct policy_cell cell = policy_decide(POLICY_SWAPPING, POLICY_HOST_DIED);
    static const char whole[] = "Q RB > restarting";
    for (size_t size = 1; size <= sizeof whole; size++) {
        char *text = malloc(size);
        assert_non_null(text);
        policy_cell_text(cell, text, size);
        assert_int_equal(strlen(text), size - 1);
        assert_memory_equal(text, whole, size - 1);
        free(text);
    }
}

/* One line of the table under the heading "## Policy"; false behind the last one. */
static bool next_table_line(FILE *page, char *line, int size)
{
    while (fgets(line, size, page) != NULL && strncmp(line, "## ", 3) != 0) {
        if (line[0] == '|') {
            line[strcspn(line, "\n")] = '\0';
            return true;
        }
    }
    return false;
}

static void the_design_page_shows_the_same_table(void **state)
{
    (void)state;
    char line[1024] = "";
    char expected[1024] = "| event |";
    FILE *page = fopen(DESIGN_PAGE, "r");
    assert_non_null(page);
    while (strcmp(line, "## Policy\n") != 0) {
        assert_non_null(fgets(line, sizeof line, page));
    }
    assert_true(next_table_line(page, line, sizeof line));
    for (enum policy_state in = 0; in < POLICY_STATE_COUNT; in++) {
        size_t used = strlen(expected);
        (void)snprintf(expected + used, sizeof expected - used, " %s |", policy_state_name(in));
    }
    assert_string_equal(line, expected);
    assert_true(next_table_line(page, line, sizeof line));
    assert_memory_equal(line, "| --- |", 7);
    for (enum policy_event on = 0; on < POLICY_EVENT_COUNT; on++) {
        assert_true(next_table_line(page, line, sizeof line));
        (void)snprintf(expected, sizeof expected, "| %s |", policy_event_name(on));
        for (enum policy_state in = 0; in < POLICY_STATE_COUNT; in++) {
            char text[128];
            size_t used = strlen(expected);
            policy_cell_text(policy_decide(in, on), text, sizeof text);
            (void)snprintf(expected + used, sizeof expected - used, " %s |", text);
        }
        assert_string_equal(line, expected);
    }
    assert_false(next_table_line(page, line, sizeof line));
    assert_int_equal(fclose(page), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_says_what_was_decided),
        cmocka_unit_test(no_cell_is_forgotten),
        cmocka_unit_test(a_death_is_never_ignored_while_something_runs),
        cmocka_unit_test(an_answer_of_the_host_is_never_ignored_while_one_is_awaited),
        cmocka_unit_test(nothing_is_held_without_a_hold),
        cmocka_unit_test(no_library_is_dropped_before_the_end),
        cmocka_unit_test(what_is_done_fits_where_it_leads),
        cmocka_unit_test(only_commands_are_answered_and_bugs_do_nothing_else),
        cmocka_unit_test(the_end_is_reached_from_everywhere_and_never_left),
        cmocka_unit_test(paused_is_running_but_for_the_flag),
        cmocka_unit_test(every_state_can_be_reached),
        cmocka_unit_test(a_cell_is_cut_to_the_room_that_there_is),
        cmocka_unit_test(the_design_page_shows_the_same_table),
    };
    return cmocka_run_group_tests_name("supervisor: policy", tests, NULL, NULL);
}
