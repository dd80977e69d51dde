#include "terminal/status_line.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_LEAST    10
#define COLUMNS_LEAST 40
#define SCROLL_ALL    "\0337\033[r\0338" /* it sets the cursor to the begin of the screen */

bool status_line_is_possible(void)
{
    struct stat out, err;
    const char *term = getenv("TERM");
    return term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0 &&
           isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1 &&
           fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
           out.st_rdev == err.st_rdev;
}

bool status_line_size(unsigned *rows, unsigned *columns)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) {
        return false;
    }
    *rows = size.ws_row;
    *columns = size.ws_col;
    return size.ws_row >= ROWS_LEAST && size.ws_col >= COLUMNS_LEAST;
}

void status_line_draw(struct status_line *line, const char *text, unsigned rows, unsigned columns)
{
    bool fits = line->shown && rows == line->rows && columns == line->columns;
    struct text out = {0};
    if (!screen_is_free(line->screen) || (fits && strcmp(text_string(&line->drawn), text) == 0)) {
        return;
    }
    if (line->shown && !fits) {
        /* Where the old line went is the terminal's affair; it is below the cursor. */
        text_puts(&out, SCROLL_ALL "\033[J");
    }
    if (!fits) {
        /* Down and up again: a cursor in the last line makes room by that. */
        text_printf(&out, "\033D\033[A\0337\033[1;%ur", rows - 1);
    } else {
        text_puts(&out, "\0337");
    }
    text_printf(&out, "\033[%u;1H%s\0338", rows, text);
    text_clear(&line->drawn);
    if (!out.failed && text_puts(&line->drawn, text)) {
        screen_put(line->screen, out.data, out.len);
        line->shown = true;
        line->rows = rows;
        line->columns = columns;
    }
    text_finish(&out);
}

void status_line_hide(struct status_line *line)
{
    unsigned rows, columns;
    if (!line->shown) {
        return;
    }
    bool same = status_line_size(&rows, &columns) && rows == line->rows && columns == line->columns;
    const char *away = same ? STATUS_LINE_AWAY : SCROLL_ALL "\033[J";
    screen_put(line->screen, away, strlen(away));
    line->shown = false;
}

void status_line_yield(struct status_line *line)
{
    if (line->shown) {
        screen_put(line->screen, SCROLL_ALL, sizeof SCROLL_ALL - 1);
        line->shown = false;
    }
}

void status_line_forget(struct status_line *line)
{
    line->shown = false;
}

void status_line_finish(struct status_line *line)
{
    text_finish(&line->drawn);
}
