#define _GNU_SOURCE
#include "terminal/terminal.h"

#include "terminal/screen.h"

#include <string.h>
#include <unistd.h>

void terminal_save(struct terminal *terminal)
{
    terminal->fd = isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : STDOUT_FILENO;
    terminal->there = isatty(terminal->fd) == 1 && tcgetattr(terminal->fd, &terminal->saved) == 0;
    terminal->base = terminal->saved;
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

enum terminal_owner terminal_owner(const struct terminal *terminal)
{
    struct termios found;
    if (!terminal->there || tcgetpgrp(terminal->fd) != getpgrp() ||
        tcgetattr(terminal->fd, &found) != 0) {
        return TERMINAL_OTHERS;
    }
    return same_modes(&found, &terminal->base) ? TERMINAL_OURS : TERMINAL_MODULE;
}

void terminal_set_keys(struct terminal *terminal, bool on)
{
    struct termios wanted = terminal->saved;
    if (on) {
        wanted.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        wanted.c_cc[VMIN] = 1;
        wanted.c_cc[VTIME] = 0;
    }
    if (terminal->keyed != on && terminal_owner(terminal) == TERMINAL_OURS &&
        tcsetattr(terminal->fd, TCSANOW, &wanted) == 0) {
        terminal->base = wanted;
        terminal->keyed = on;
        if (on) {
            (void)tcflush(terminal->fd, TCIFLUSH); /* it was typed for somebody else */
        }
    }
}

bool terminal_restore(struct terminal *terminal, struct screen *screen)
{
    /* The cursor is saved first: leaving an alternate screen that was never entered takes it to
     * where it was saved last. Then: show it, end colours, keypad and mouse reports. */
    static const char normal[] = "\0337\033[?1049l\033[?25h\033[0m\033[?1l\033>\033[?1000l"
                                 "\033[?1006l\0337\033[r\0338";
    if (terminal_owner(terminal) != TERMINAL_MODULE) {
        return false;
    }
    (void)tcsetattr(terminal->fd, TCSANOW, &terminal->base);
    screen_put(screen, normal, sizeof normal - 1);
    return true;
}

void terminal_end(struct terminal *terminal, struct screen *screen)
{
    terminal_set_keys(terminal, false);
    terminal->base = terminal->saved;
    terminal->keyed = false;
    (void)terminal_restore(terminal, screen);
}
