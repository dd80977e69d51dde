#define _GNU_SOURCE /* memfd_create */
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct log to_memory(enum log_level level, bool color)
{
    struct log log = {.fd = memfd_create("log", MFD_CLOEXEC), .color = color};
    atomic_init(&log.level, (int)level);
    /* As a terminal does: each line behind the last one. */
    assert_true(log.fd >= 0 && fcntl(log.fd, F_SETFL, O_APPEND) == 0);
    return log;
}

/* What was logged; ends the log. Lives until the next call. */
static const char *logged(struct log *log)
{
    static char text[1 << 20];
    ssize_t got = pread(log->fd, text, sizeof text - 1, 0);
    assert_true(got >= 0);
    text[got] = '\0';
    close(log->fd);
    return text;
}

static void warnings_and_errors_say_what_they_are(void **state)
{
    (void)state;
    struct log log = to_memory(LOG_TRACE, false);
    log_line(&log, LOG_TRACE, "a %d", 1);
    log_line(&log, LOG_DEBUG, "b");
    log_line(&log, LOG_INFO, "c");
    log_line(&log, LOG_WARN, "d");
    log_line(&log, LOG_ERROR, "e");
    log_tone(&log, LOG_TONE_BAD, "f");
    assert_string_equal(logged(&log), "trace: a 1\ndebug: b\nc\nwarning: d\nerror: e\nf\n");
}

static void lines_below_the_level_are_dropped(void **state)
{
    (void)state;
    struct log log = to_memory(LOG_INFO, false);
    log_line(&log, LOG_DEBUG, "no");
    log_tone(&log, LOG_TONE_PLAIN, "yes");
    atomic_store(&log.level, LOG_WARN);
    log_line(&log, LOG_INFO, "no");
    log_tone(&log, LOG_TONE_GOOD, "no");
    log_line(&log, LOG_WARN, "too");
    assert_string_equal(logged(&log), "yes\nwarning: too\n");
}

static void the_first_words_have_the_colour(void **state)
{
    (void)state;
    struct log log = to_memory(LOG_INFO, true);
    log_tone(&log, LOG_TONE_GOOD, "generation 2  0.41 ms");
    log_tone(&log, LOG_TONE_BAD, "not loaded: no  such symbol");
    log_tone(&log, LOG_TONE_FAINT, "all");
    log_tone(&log, LOG_TONE_PLAIN, "waiting: none");
    log_line(&log, LOG_INFO, "plain");
    log_line(&log, LOG_WARN, "w");
    log_line(&log, LOG_ERROR, "e");
    assert_string_equal(logged(&log), "\033[32mgeneration 2\033[0m  0.41 ms\n"
                                      "\033[31mnot loaded\033[0m: no  such symbol\n"
                                      "\033[2mall\033[0m\n"
                                      "waiting: none\n"
                                      "plain\n"
                                      "\033[33mwarning: \033[0mw\n"
                                      "\033[31merror: \033[0me\n");
}

static void control_bytes_do_not_reach_the_terminal(void **state)
{
    (void)state;
    struct log log = to_memory(LOG_INFO, true);
    log_line(&log, LOG_INFO, "%s", "a\033[2Jb\rc\bd\x7f\tE \xc3\xa9");
    log_tone(&log, LOG_TONE_GOOD, "%s", "\033[31mx\a  y");
    assert_string_equal(logged(&log), "a?[2Jb?c?d?\tE \xc3\xa9\n"
                                      "\033[32m?[31mx?\033[0m  y\n");
}

static void bytes_of_others_come_as_they_are_and_no_line_is_cut_into(void **state)
{
    (void)state;
    struct log log = to_memory(LOG_WARN, false);
    log_bytes(&log, "\033[1mx\r[1/2]", 11);
    log_bytes(&log, "", 0);
    log_line(&log, LOG_INFO, "not said");
    log_bytes(&log, " y", 2);
    log_line(&log, LOG_WARN, "said");
    log_line(&log, LOG_WARN, "said");
    log_bytes(&log, "z\n", 2);
    log_line(&log, LOG_WARN, "said");
    assert_string_equal(logged(&log), "\033[1mx\r[1/2] y\nwarning: said\nwarning: said\n"
                                      "z\nwarning: said\n");
}

static void a_long_line_is_cut_and_says_so(void **state)
{
    (void)state;
    static char body[8000];
    memset(body, 'x', sizeof body - 1);
    static const bool colors[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct log log = to_memory(LOG_INFO, colors[i]);
        log_line(&log, LOG_ERROR, "%s", body);
        log_tone(&log, LOG_TONE_BAD, "%s", body);
        log_line(&log, LOG_INFO, "next");
        const char *text = logged(&log);
        const char *end = strchr(text, '\n');
        assert_non_null(end);
        assert_in_range(end - text, 3900, 4095);
        assert_memory_equal(end - 3, "...", 3);
        const char *second = strchr(end + 1, '\n');
        assert_non_null(second);
        assert_in_range(second - end, 3900, 4096);
        assert_string_equal(second + 1, "next\n");
    }
}

#define THREADS 4
#define LINES   200

static void *write_lines(void *ctx)
{
    for (int i = 0; i < LINES; i++) {
        log_line(ctx, LOG_WARN, "%s line", "a whole");
    }
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    struct log log = to_memory(LOG_INFO, true);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &log), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    static const char line[] = "\033[33mwarning: \033[0ma whole line\n";
    size_t len = sizeof line - 1;
    const char *text = logged(&log);
    assert_int_equal(strlen(text), len * THREADS * LINES);
    for (size_t i = 0; i < (size_t)THREADS * LINES; i++) {
        assert_memory_equal(text + i * len, line, len);
    }
}

static void levels_have_words(void **state)
{
    (void)state;
    static const char *const words[] = {"trace", "debug", "info", "warn", "error"};
    enum log_level level = LOG_TRACE;
    for (int i = LOG_TRACE; i <= LOG_ERROR; i++) {
        assert_true(log_level_parse(words[i], &level));
        assert_int_equal(level, i);
        assert_string_equal(log_level_name((enum log_level)i), words[i]);
    }
    assert_false(log_level_parse("warning", &level));
    assert_false(log_level_parse("Info", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LOG_ERROR);
}

static void a_log_goes_to_stderr_without_colours_where_no_terminal_is(void **state)
{
    (void)state;
    struct log log;
    int saved = dup(STDERR_FILENO);
    int plain = memfd_create("stderr", MFD_CLOEXEC);
    assert_true(saved >= 0 && plain >= 0 && dup2(plain, STDERR_FILENO) >= 0);
    log_init(&log, LOG_DEBUG, false);
    (void)dup2(saved, STDERR_FILENO);
    close(saved);
    close(plain);
    assert_int_equal(log.fd, STDERR_FILENO);
    assert_int_equal(atomic_load(&log.level), LOG_DEBUG);
    assert_false(log.color);
}

static void a_terminal_has_colours_unless_they_are_not_wanted(void **state)
{
    (void)state;
    struct log log;
    int saved = dup(STDERR_FILENO);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) {
        skip();
    }
    int end = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(end >= 0 && dup2(end, STDERR_FILENO) >= 0);
    (void)unsetenv("NO_COLOR");
    log_init(&log, LOG_INFO, false);
    bool by_itself = log.color;
    log_init(&log, LOG_INFO, true);
    bool by_option = log.color;
    (void)setenv("NO_COLOR", "1", 1);
    log_init(&log, LOG_INFO, false);
    bool by_environment = log.color;
    (void)setenv("NO_COLOR", "", 1);
    log_init(&log, LOG_INFO, false);
    bool by_empty = log.color;
    (void)unsetenv("NO_COLOR");
    (void)dup2(saved, STDERR_FILENO);
    close(saved);
    close(end);
    close(terminal);
    assert_true(by_itself);
    assert_false(by_option);
    assert_false(by_environment);
    assert_true(by_empty);
}

struct taken {
    char text[256];
    size_t len;
    unsigned times;
};

static void take(void *ctx, const char *line, size_t len)
{
    struct taken *taken = ctx;
    assert_true(len < sizeof taken->text);
    memcpy(taken->text, line, len);
    taken->len = len;
    taken->times++;
}

static void somebody_else_can_take_each_line_whole(void **state)
{
    (void)state;
    struct taken taken = {.times = 0};
    struct log log = to_memory(LOG_INFO, true);
    log.put = take;
    log.ctx = &taken;
    log_tone(&log, LOG_TONE_GOOD, "loaded: %s", "all");
    assert_int_equal(taken.times, 1);
    assert_int_equal(taken.len, strlen("\033[32mloaded\033[0m: all\n"));
    assert_memory_equal(taken.text, "\033[32mloaded\033[0m: all\n", taken.len);
    log_line(&log, LOG_DEBUG, "dropped");
    assert_int_equal(taken.times, 1);
    assert_string_equal(logged(&log), "");
}

static void what_was_asked_for_is_said_at_every_level(void **state)
{
    (void)state;
    struct log log = to_memory(LOG_ERROR, true);
    log_answer(&log, "  r  reload\n  \033[2J\n");
    log_bytes(&log, "open", 4);
    log_answer(&log, "  p  pause\n");
    assert_string_equal(logged(&log), "  r  reload\n  ?[2J\nopen\033[0m\n  p  pause\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings_and_errors_say_what_they_are),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(the_first_words_have_the_colour),
        cmocka_unit_test(control_bytes_do_not_reach_the_terminal),
        cmocka_unit_test(bytes_of_others_come_as_they_are_and_no_line_is_cut_into),
        cmocka_unit_test(a_long_line_is_cut_and_says_so),
        cmocka_unit_test(lines_of_threads_do_not_mix),
        cmocka_unit_test(levels_have_words),
        cmocka_unit_test(a_log_goes_to_stderr_without_colours_where_no_terminal_is),
        cmocka_unit_test(a_terminal_has_colours_unless_they_are_not_wanted),
        cmocka_unit_test(somebody_else_can_take_each_line_whole),
        cmocka_unit_test(what_was_asked_for_is_said_at_every_level),
    };
    return cmocka_run_group_tests_name("base: log", tests, NULL, NULL);
}
