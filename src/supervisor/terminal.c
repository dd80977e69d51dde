#define _GNU_SOURCE
#include "supervisor/terminal.h"

#include "base/file.h"

#include <string.h>
#include <unistd.h>

void terminal_save(struct terminal *terminal)
{
    terminal->fd = isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : STDOUT_FILENO;
    terminal->there = isatty(terminal->fd) == 1 && tcgetattr(terminal->fd, &terminal->saved) == 0;
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

void terminal_restore(struct terminal *terminal)
{
    struct termios found;
    if (!terminal->there || tcgetpgrp(terminal->fd) != getpgrp() ||
        tcgetattr(terminal->fd, &found) != 0 || same_modes(&found, &terminal->saved)) {
        return;
    }
    (void)tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
    if (isatty(STDOUT_FILENO) == 1) {
        /* Leave the alternate screen, show the cursor, end colours, keypad and mouse reports. */
        static const char normal[] =
            "\033[?1049l\033[?25h\033[0m\033[?1l\033>\033[?1000l\033[?1006l";
        (void)file_write_all(STDOUT_FILENO, normal, sizeof normal - 1);
    }
}
