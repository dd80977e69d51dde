/* The last line of the terminal, kept for hotrun: the rest scrolls above it (DECSTBM). Each drawing
 * is one write, and leaves the cursor where it was. [supervisor's loop thread] */
#ifndef TERMINAL_STATUS_LINE_H
#define TERMINAL_STATUS_LINE_H

#include "terminal/screen.h"

#include <stdbool.h>
#include <stddef.h>

/* Takes the line away, however tall the terminal is. */
#define STATUS_LINE_AWAY "\0337\033[r\033[999;1H\033[2K\0338"

struct status_line {
    struct screen *screen;
    bool shown;
    unsigned rows, columns; /* of the terminal when it was drawn */
    struct text drawn;
};

/* Whether there can be one: stdout and stderr are the same terminal, and $TERM names one that
 * obeys. */
bool status_line_is_possible(void);

/* The terminal's size; false: unknown, or too small for a line. */
bool status_line_size(unsigned *rows, unsigned *columns);

/* Draws `text`, which is `columns` wide, if it is another one than stands there. A terminal that
 * takes nothing at present is left alone. The line is taken from the scrolling part when it is not
 * there yet, or the size is another one. */
void status_line_draw(struct status_line *line, const char *text, unsigned rows, unsigned columns);

/* All of the terminal scrolls again, and the line is empty. */
void status_line_hide(struct status_line *line);

/* The same, and what stands in it is left: somebody else may have written there. */
void status_line_yield(struct status_line *line);

/* The terminal was made normal meanwhile: nothing of the line is left. */
void status_line_forget(struct status_line *line);

void status_line_finish(struct status_line *line);

#endif
