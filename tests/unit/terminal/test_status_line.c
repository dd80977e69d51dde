/* What is sent to the terminal for the line, and what is not. */
#define _GNU_SOURCE
#include "terminal/status_line.h"

#include "trial.h"

#include <pty.h>
#include <termios.h>

static struct {
    uv_loop_t loop;
    struct screen screen;
    struct status_line line;
    int master, slave;
} t;

static int setup(void **state)
{
    (void)state;
    if (openpty(&t.master, &t.slave, NULL, NULL, NULL) != 0 || uv_loop_init(&t.loop) != 0) {
        return -1;
    }
    t.line = (struct status_line){.screen = &t.screen};
    return screen_open(&t.screen, &t.loop, t.slave) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    status_line_finish(&t.line);
    screen_close(&t.screen, 0);
    (void)uv_run(&t.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&t.loop);
    close(t.master);
    close(t.slave);
    return 0;
}

/* A terminal hands on in pieces and some time later: a mark behind it tells that all is there. */
static void expect(const char *sent)
{
    char bytes[4096];
    size_t len = 0;
    assert_int_equal(write(t.slave, "#", 1), 1);
    do {
        ssize_t got = read(t.master, bytes + len, sizeof bytes - 1 - len);
        assert_true(got > 0);
        len += (size_t)got;
    } while (bytes[len - 1] != '#');
    bytes[len - 1] = '\0';
    assert_string_equal(bytes, sent);
}

static void the_first_drawing_takes_the_line_from_what_scrolls(void **state)
{
    (void)state;
    status_line_draw(&t.line, "game", 24, 4);
    expect("\033D\033[A\0337\033[1;23r\033[24;1Hgame\0338");
}

static void the_next_one_only_draws(void **state)
{
    (void)state;
    status_line_draw(&t.line, "game", 24, 4);
    status_line_draw(&t.line, "held", 24, 4);
    expect("\033D\033[A\0337\033[1;23r\033[24;1Hgame\0338\0337\033[24;1Hheld\0338");
}

static void the_same_text_is_not_sent_again(void **state)
{
    (void)state;
    status_line_draw(&t.line, "game", 24, 4);
    status_line_draw(&t.line, "game", 24, 4);
    expect("\033D\033[A\0337\033[1;23r\033[24;1Hgame\0338");
}

static void another_size_is_set_anew(void **state)
{
    (void)state;
    status_line_draw(&t.line, "game", 24, 4);
    expect("\033D\033[A\0337\033[1;23r\033[24;1Hgame\0338");
    status_line_draw(&t.line, "game", 30, 4);
    expect("\0337\033[r\0338\033[J\033D\033[A\0337\033[1;29r\033[30;1Hgame\0338");
}

static void yielding_leaves_what_stands_there(void **state)
{
    (void)state;
    status_line_yield(&t.line);
    expect("");
    status_line_draw(&t.line, "game", 24, 4);
    expect("\033D\033[A\0337\033[1;23r\033[24;1Hgame\0338");
    status_line_yield(&t.line);
    expect("\0337\033[r\0338");
    status_line_yield(&t.line);
    status_line_hide(&t.line);
    expect("");
    status_line_draw(&t.line, "game", 24, 4);
    expect("\033D\033[A\0337\033[1;23r\033[24;1Hgame\0338");
}

static void a_terminal_that_is_busy_is_not_drawn_on(void **state)
{
    (void)state;
    while (screen_is_free(&t.screen)) {
        screen_put(&t.screen, "full\n", 5);
    }
    size_t waits = t.screen.waits.len;
    status_line_draw(&t.line, "game", 24, 4);
    assert_int_equal(t.screen.waits.len, waits);
    assert_false(t.line.shown);
}

static void a_terminal_that_does_not_obey_has_none(void **state)
{
    (void)state;
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    static const char *const terms[] = {NULL, "", "dumb", "xterm"};
    bool possible[4];
    assert_true(dup2(t.slave, STDOUT_FILENO) >= 0 && dup2(t.slave, STDERR_FILENO) >= 0);
    for (size_t i = 0; i < 4; i++) {
        (void)(terms[i] == NULL ? unsetenv("TERM") : setenv("TERM", terms[i], 1));
        possible[i] = status_line_is_possible();
    }
    assert_true(dup2(err, STDERR_FILENO) >= 0);
    bool elsewhere = status_line_is_possible();
    assert_true(dup2(out, STDOUT_FILENO) >= 0);
    close(out);
    close(err);
    assert_false(possible[0] || possible[1] || possible[2] || elsewhere);
    assert_true(possible[3]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_drawing_takes_the_line_from_what_scrolls),
        TEST(the_next_one_only_draws),
        TEST(the_same_text_is_not_sent_again),
        TEST(another_size_is_set_anew),
        TEST(yielding_leaves_what_stands_there),
        TEST(a_terminal_that_is_busy_is_not_drawn_on),
        TEST(a_terminal_that_does_not_obey_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
