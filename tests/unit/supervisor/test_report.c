#define _GNU_SOURCE /* memfd_create */
#include "supervisor/report.h"

#include "supervisor/events.h"
#include "trial.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

static struct {
    struct report report;
    struct log log;
    int dir;
    cJSON *event; /* the one that was looked at last */
} t;

static int setup(void **state)
{
    struct error err;
    if (trial_setup(state) != 0) {
        return -1;
    }
    t.event = NULL;
    t.log.fd = memfd_create("log", MFD_CLOEXEC);
    t.log.color = false;
    atomic_init(&t.log.level, LOG_INFO);
    t.dir = open(trial_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    t.report = (struct report){.log = &t.log,
                               .events = events_create(t.dir, NULL, &t.log, &err),
                               .generation = 4,
                               .step = 81204};
    return t.log.fd < 0 || t.dir < 0 || t.report.events == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    cJSON_Delete(t.event);
    events_destroy(t.report.events);
    close(t.log.fd);
    close(t.dir);
    return trial_teardown(state);
}

/* The lines since the last look. */
static void expect_lines(const char *expected)
{
    static char text[8192];
    ssize_t got = pread(t.log.fd, text, sizeof text - 1, 0);
    assert_true(got >= 0);
    text[got] = '\0';
    assert_string_equal(text, expected);
    assert_int_equal(ftruncate(t.log.fd, 0), 0);
    assert_int_equal(lseek(t.log.fd, 0, SEEK_SET), 0);
}

/* The newest event, which must be the only one since the last look. Its text lives on. */
static const char *expect_event(const char *name)
{
    static char text[8192];
    int fd = open(at("events.jsonl"), O_RDWR | O_CLOEXEC);
    ssize_t got = read(fd, text, sizeof text - 1);
    assert_true(got > 0);
    text[got] = '\0';
    assert_int_equal(ftruncate(fd, 0), 0);
    close(fd);
    assert_ptr_equal(strchr(text, '\n'), text + got - 1);
    cJSON_Delete(t.event);
    t.event = cJSON_Parse(text);
    assert_non_null(t.event);
    assert_true(cJSON_GetObjectItem(t.event, "t_ns")->valuedouble > 0);
    assert_string_equal(cJSON_GetObjectItem(t.event, "event")->valuestring, name);
    /* The first four fields are left out of what is compared. */
    const char *rest = strstr(text, "\"step\":");
    assert_non_null(rest);
    return rest + strcspn(rest, ",}");
}

static void expect_step(int generation, int step)
{
    assert_int_equal(cJSON_GetObjectItem(t.event, "generation")->valueint, generation);
    assert_int_equal(cJSON_GetObjectItem(t.event, "step")->valueint, step);
}

static void a_start_is_an_event_alone(void **state)
{
    (void)state;
    char expected[128];
    report_started(&t.report, 77, "libgame.so");
    (void)snprintf(expected, sizeof expected,
                   ",\"pid\":%ld,\"host_pid\":77,\"library\":\"libgame.so\"}\n", (long)getpid());
    assert_string_equal(expect_event("started"), expected);
    expect_step(4, 81204);
    expect_lines("");
}

static struct message_accepted told(void)
{
    return (struct message_accepted){.generation = 7,
                                     .how = STATE_JSON,
                                     .state_bytes = 1234,
                                     .callbacks = 1,
                                     .serialize_ns = 10999,
                                     .load_ns = 20000,
                                     .init_ns = 3000,
                                     .deserialize_ns = 4000,
                                     .pause_ns = 50000,
                                     .total_ns = 314159,
                                     .added = {"speed\0z", 7},
                                     .dropped = {"vx", 2},
                                     .note = {"", 0}};
}

static const struct build build = {.detect_ns = 5000, .stage_ns = 90000, .layout_ns = 8000};

static void a_reload_tells_its_times_and_its_keys(void **state)
{
    (void)state;
    struct message_accepted accepted = told();
    report_loaded(&t.report, &accepted, &build, "libgame.so", false, RATE_HZ, 60);
    assert_string_equal(
        expect_event("reloaded"),
        ",\"library\":\"libgame.so\",\"us\":{\"detect\":5,\"stage\":90,\"layout\":8,\"serialize\":"
        "10,\"load\":20,\"init\":3,\"deserialize\":4,\"total\":314,\"pause\":50},\"state\":{"
        "\"how\":\"json\",\"bytes\":1234,\"added\":[\"speed\",\"z\"],\"dropped\":[\"vx\"],"
        "\"converted\":[],\"lost\":"
        "[],\"rounded\":[],\"kept\":[]}}\n");
    expect_lines("generation 7  0.31 ms  state kept (1.2 KB)  + speed  + z  - vx\n");
}

static void a_move_tells_what_became_of_each_value(void **state)
{
    (void)state;
    struct message_accepted accepted = told();
    static const char converted[] = "/hp: int to float\0/kind: enum old to enum new";
    accepted.how = STATE_MIGRATED;
    accepted.callbacks = 0;
    accepted.state_size = accepted.state_bytes = 96;
    accepted.added = bytes_of("/speed");
    accepted.dropped = bytes_of("/vx");
    accepted.converted = (struct bytes){converted, sizeof converted - 1};
    accepted.more_converted = 3;
    accepted.lost = bytes_of("/lives: 300 became 255");
    accepted.more_lost = 2;
    accepted.rounded = bytes_of("/x: rounded");
    accepted.kept = bytes_of("/cache: points to memory of the module");
    report_loaded(&t.report, &accepted, &build, "l.so", false, RATE_MAX, 0);
    const char *event = expect_event("reloaded");
    assert_non_null(strstr(event, "\"how\":\"migrated\",\"bytes\":96,\"added\":[\"/speed\"],"
                                  "\"dropped\":[\"/vx\"],\"converted\":[\"/hp: int to float\","
                                  "\"/kind: enum old to enum new\"],\"lost\":[\"/lives: 300 "
                                  "became 255\"],\"rounded\":[\"/x: rounded\"],\"kept\":["
                                  "\"/cache: points to memory of the module\"]}"));
    expect_lines("generation 7  0.31 ms  state moved (96 B)  + speed  - vx  ~ hp: int to float"
                 "  ~ kind: enum old to enum new  ~ 3 more\n"
                 "warning: values of the state do not fit any more: /lives: 300 became 255; 2 "
                 "more\n"
                 "warning: values of the state were rounded: /x: rounded\n"
                 "warning: about the state: /cache: points to memory of the module\n");
}

static void keys_that_are_too_many_are_counted(void **state)
{
    (void)state;
    struct message_accepted accepted = told();
    accepted.more_added = 12;
    accepted.more_dropped = 1;
    accepted.note = bytes_of("its layout was not checked");
    report_loaded(&t.report, &accepted, &build, "l.so", false, RATE_MAX, 0);
    expect_lines("generation 7  0.31 ms  state kept (1.2 KB)  + speed  + z  + 12 more  - vx"
                 "  - 1 more\nwarning: its layout was not checked\n");
}

static void each_way_of_the_state_has_its_words(void **state)
{
    (void)state;
    static const struct {
        uint64_t how, callbacks, size, bytes;
        const char *line;
    } ways[] = {
        {STATE_JSON, 1, 0, 5, "generation 7  0.31 ms  state kept (5 B)\n"},
        {STATE_JSON, 0, 0, 0, "generation 7  0.31 ms  state kept\n"}, /* all of it in variables */
        {STATE_IN_PLACE, 0, 6, 5, "generation 7  0.31 ms  state kept in place (6 B)\n"},
        {STATE_IN_PLACE, 0, 0, 0, "generation 7  0.31 ms  no state\n"},
        {STATE_IN_PLACE, 0, 0, 5, "generation 7  0.31 ms  state carried over (5 B)\n"},
        {STATE_MIGRATED, 0, 4, 5, "generation 7  0.31 ms  state moved (5 B)\n"},
        {STATE_RESET, 1, 6, 5, "generation 7  0.31 ms  state reset (5 B)\n"},
        {STATE_NEW, 0, 6, 5, "generation 7  0.31 ms  state new (6 B)\n"},
        {99, 0, 6, 5, "generation 7  0.31 ms  \n"},
        {0, 0, 6, 5, "generation 7  0.31 ms  \n"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct message_accepted accepted = told();
        accepted.how = ways[i].how;
        accepted.callbacks = ways[i].callbacks;
        accepted.state_bytes = ways[i].bytes;
        accepted.state_size = ways[i].size;
        accepted.added = accepted.dropped = bytes_of("");
        report_loaded(&t.report, &accepted, &build, "l.so", false, RATE_HZ, 60);
        expect_lines(ways[i].line);
        (void)expect_event("reloaded");
    }
}

static void the_first_load_tells_the_pace(void **state)
{
    (void)state;
    static const struct {
        enum rate_kind kind;
        double hz;
        const char *line;
    } paces[] = {{RATE_HZ, 60, "hotrun  l  generation 7  60 Hz  state 1.2 KB\n"},
                 {RATE_HZ, 59.94, "hotrun  l  generation 7  59.94 Hz  state 1.2 KB\n"},
                 {RATE_MAX, 0, "hotrun  l  generation 7  max  state 1.2 KB\n"},
                 {RATE_ONCE, 0, "hotrun  l  generation 7  once  state 1.2 KB\n"}};
    for (size_t i = 0; i < sizeof paces / sizeof paces[0]; i++) {
        struct message_accepted accepted = told();
        accepted.added = accepted.dropped = (struct bytes){"", 0};
        report_loaded(&t.report, &accepted, &build, "l", true, paces[i].kind, paces[i].hz);
        expect_lines(paces[i].line);
        (void)expect_event("loaded");
    }
}

static void the_first_load_tells_what_became_of_a_state(void **state)
{
    (void)state;
    static const struct {
        enum state_how how;
        bool callbacks;
        uint64_t bytes, size;
        const char *words;
    } all[] = {{STATE_NEW, false, 0, 0, "no state of its own"},
               {STATE_NEW, false, 24, 24, "state 24 B"},
               {STATE_NEW, false, 4120, 24, "state 4.1 KB"},
               {STATE_JSON, false, 900, 24, "state 24 B"},
               {STATE_JSON, true, 900, 24, "state 900 B"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct message_accepted accepted = told();
        char line[128];
        accepted.how = (uint64_t)all[i].how;
        accepted.callbacks = all[i].callbacks;
        accepted.state_bytes = all[i].bytes;
        accepted.state_size = all[i].size;
        report_loaded(&t.report, &accepted, &build, "l", true, RATE_MAX, 0);
        (void)snprintf(line, sizeof line, "hotrun  l  generation 7  max  %s  + speed  + z  - vx\n",
                       all[i].words);
        expect_lines(line);
        (void)expect_event("loaded");
    }
}

static void a_save_that_leads_to_nothing_says_why(void **state)
{
    (void)state;
    report_rejected(&t.report, "load", "undefined symbol draw_hud", 4);
    assert_string_equal(expect_event("rejected"),
                        ",\"stage\":\"load\",\"reason\":\"undefined symbol draw_hud\"}\n");
    expect_lines("not loaded: undefined symbol draw_hud; generation 4 goes on\n");
    report_rejected(&t.report, "file", "it is empty", 0);
    (void)expect_event("rejected");
    expect_lines("not loaded: it is empty; save a fix to go on\n");
    report_unchanged(&t.report, "unchanged", "the bytes are the same");
    assert_string_equal(expect_event("unchanged"), ",\"reason\":\"the bytes are the same\"}\n");
    expect_lines("unchanged: the bytes are the same\n");
    report_quarantined(&t.report, "it crashed before", 4);
    assert_string_equal(expect_event("quarantined"), ",\"reason\":\"it crashed before\"}\n");
    expect_lines("not loaded: it crashed before; generation 4 goes on\n");
    report_waiting(&t.report, "libgame.so is not there");
    assert_string_equal(expect_event("waiting"), ",\"reason\":\"libgame.so is not there\"}\n");
    expect_lines("waiting: libgame.so is not there\n");
}

static void a_confirmation_is_for_tools(void **state)
{
    (void)state;
    report_confirmed(&t.report, 4, false, "");
    assert_string_equal(expect_event("confirmed"), "}\n");
    report_superseded(&t.report, 3);
    assert_string_equal(expect_event("superseded"), "}\n");
    expect_step(3, 81204);
    expect_lines("");
}

static void why_a_library_stays_is_said_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        report_confirmed(&t.report, 4, true, "it has unique symbols");
        assert_string_equal(expect_event("confirmed"),
                            ",\"resident\":true,\"reason\":\"it has unique symbols\"}\n");
    }
    expect_lines("warning: replaced libraries stay in memory: it has unique symbols\n");
}

static void a_crash_tells_where_and_how(void **state)
{
    (void)state;
    struct report_death death = {
        .signal = SIGSEGV, .in = "step", .generation = 3, .step = 81204, .reason = ""};
    report_crashed(&t.report, &death);
    assert_string_equal(expect_event("crashed"), ",\"signal\":\"SIGSEGV\",\"in\":\"step\"}\n");
    expect_step(3, 81204);
    expect_lines("crashed in step 81,204 of generation 3: SIGSEGV\n");
    death.in = "init";
    death.hung = true;
    report_crashed(&t.report, &death);
    assert_string_equal(expect_event("hung"), ",\"signal\":\"SIGSEGV\",\"in\":\"init\"}\n");
    expect_lines("hung in init of generation 3, before step 81,204: SIGSEGV\n");
    death = (struct report_death){.exit_status = 3, .in = "step", .step = 1, .reason = ""};
    report_crashed(&t.report, &death);
    assert_string_equal(expect_event("crashed"), ",\"exit_status\":3,\"in\":\"step\"}\n");
    expect_lines("crashed in step 1 of generation 0: exit status 3 without request_exit\n");
    death.reason = "step returned -1";
    report_crashed(&t.report, &death);
    assert_string_equal(expect_event("crashed"),
                        ",\"exit_status\":3,\"in\":\"step\",\"reason\":\"step returned -1\"}\n");
    expect_lines("crashed in step 1 of generation 0: step returned -1\n");
}

static void a_death_has_words(void **state)
{
    (void)state;
    char words[640];
    struct report_death death = {.signal = SIGKILL, .reason = ""};
    report_death_words(&death, words, sizeof words);
    assert_string_equal(words, "SIGKILL, by kill -9 or for lack of memory");
    death.signal = SIGRTMIN + 1;
    report_death_words(&death, words, sizeof words);
    char expected[32];
    (void)snprintf(expected, sizeof expected, "signal %d", SIGRTMIN + 1);
    assert_string_equal(words, expected);
    death.reason = "a reason";
    report_death_words(&death, words, 4);
    assert_string_equal(words, "a r");
}

static void coming_back_tells_what_was_lost(void **state)
{
    (void)state;
    struct report_back back = {.rolled_back = true,
                               .host_pid = 78,
                               .reason = "SIGSEGV in step",
                               .from = 4,
                               .to = 2,
                               .step = 81190,
                               .steps_lost = 14,
                               .us = 2000,
                               .how = "json"};
    report_back(&t.report, &back);
    assert_string_equal(expect_event("rolled_back"),
                        ",\"host_pid\":78,\"reason\":\"SIGSEGV in step\",\"from\":4,\"to\":2,"
                        "\"steps_lost\":14,\"us\":2000,\"how\":\"json\"}\n");
    expect_lines("back to generation 2 with the state of step 81,190 (14 steps lost); save a fix "
                 "to go on\n");
    back.by_command = true;
    report_back(&t.report, &back);
    (void)expect_event("rolled_back");
    expect_lines("back to generation 2 with the state of step 81,190 (14 steps lost)\n");
    back.rolled_back = back.by_command = false;
    back.steps_lost = 1;
    report_back(&t.report, &back);
    (void)expect_event("restarted");
    expect_lines("restarted generation 2 with the state of step 81,190 (1 step lost)\n");
    back.reset = true;
    back.steps_lost = 0;
    report_back(&t.report, &back);
    (void)expect_event("restarted");
    expect_lines("restarted generation 2 with a new state, instead of that of step 81,190\n");
    back.by_command = back.as_asked = true;
    report_back(&t.report, &back);
    (void)expect_event("restarted");
    expect_lines("reset: generation 2 with a new state, instead of that of step 81,190\n");
    back.reset = false;
    back.steps_lost = 433;
    report_back(&t.report, &back);
    (void)expect_event("restarted");
    expect_lines("restored: generation 2 with the state of step 81,190 (433 steps back)\n");
}

static void nothing_to_go_back_to_is_an_event_alone(void **state)
{
    (void)state;
    struct report_back back = {.rolled_back = true, .reason = "SIGILL", .from = 1, .how = "held"};
    report_back(&t.report, &back);
    assert_non_null(strstr(expect_event("rolled_back"), "\"to\":0,"));
    expect_lines("");
}

static void a_hold_is_not_told_twice(void **state)
{
    (void)state;
    report_held(&t.report, "SIGABRT in init", false);
    assert_string_equal(expect_event("held"), ",\"reason\":\"SIGABRT in init\"}\n");
    expect_lines("held: SIGABRT in init; save a fix to go on\n");
    report_held(&t.report, "SIGABRT in init", true);
    (void)expect_event("held");
    expect_lines("");
}

static void a_checkpoint_is_an_event_and_its_failure_a_warning(void **state)
{
    (void)state;
    struct message_published published = {.ok = 1, .bytes = 1234, .took_ns = 22999, .step = 5};
    report_checkpoint(&t.report, &published);
    assert_string_equal(expect_event("checkpoint"),
                        ",\"bytes\":1234,\"us\":22,\"durable\":false}\n");
    expect_step(4, 5);
    expect_lines("");
    published.ok = 0;
    published.reason = bytes_of("serialize wrote nothing");
    report_checkpoint(&t.report, &published);
    expect_lines("warning: no snapshot: serialize wrote nothing\n");
}

static void a_checkpoint_on_disk_tells_whose_state_it_is(void **state)
{
    (void)state;
    struct snapshot snapshot = {.generation = 3, .step = 81203, .len = 17};
    report_durable(&t.report, 6, &snapshot, 2999);
    assert_string_equal(expect_event("checkpoint"),
                        ",\"bytes\":17,\"us\":2,\"durable\":true,\"id\":6}\n");
    expect_step(3, 81203);
    expect_lines("");
}

static void the_end_is_an_event(void **state)
{
    (void)state;
    report_exited(&t.report, 139);
    assert_string_equal(expect_event("exited"), ",\"status\":139}\n");
    expect_lines("ended  generation 4  step 81,204  status 139\n");
}

static void numbers_beyond_doubles_are_told_exactly(void **state)
{
    (void)state;
    t.report.step = UINT64_C(9007199254740993);
    struct message_published published = {.ok = 1, .bytes = UINT64_MAX};
    report_checkpoint(&t.report, &published);
    assert_string_equal(expect_event("checkpoint"),
                        ",\"bytes\":18446744073709551615,\"us\":0,\"durable\":false}\n");
}

#define WITH_A_REPORT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_A_REPORT(a_start_is_an_event_alone),
        WITH_A_REPORT(a_reload_tells_its_times_and_its_keys),
        WITH_A_REPORT(a_move_tells_what_became_of_each_value),
        WITH_A_REPORT(keys_that_are_too_many_are_counted),
        WITH_A_REPORT(each_way_of_the_state_has_its_words),
        WITH_A_REPORT(the_first_load_tells_the_pace),
        WITH_A_REPORT(the_first_load_tells_what_became_of_a_state),
        WITH_A_REPORT(a_save_that_leads_to_nothing_says_why),
        WITH_A_REPORT(a_confirmation_is_for_tools),
        WITH_A_REPORT(why_a_library_stays_is_said_once),
        WITH_A_REPORT(a_crash_tells_where_and_how),
        WITH_A_REPORT(a_death_has_words),
        WITH_A_REPORT(coming_back_tells_what_was_lost),
        WITH_A_REPORT(nothing_to_go_back_to_is_an_event_alone),
        WITH_A_REPORT(a_hold_is_not_told_twice),
        WITH_A_REPORT(a_checkpoint_is_an_event_and_its_failure_a_warning),
        WITH_A_REPORT(a_checkpoint_on_disk_tells_whose_state_it_is),
        WITH_A_REPORT(the_end_is_an_event),
        WITH_A_REPORT(numbers_beyond_doubles_are_told_exactly),
    };
    return cmocka_run_group_tests_name("supervisor: report", tests, NULL, NULL);
}
