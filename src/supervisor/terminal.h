/* The terminal belongs to the module. What the supervisor does is to put it back after a host that
 * died in the middle of it. */
#ifndef SUPERVISOR_TERMINAL_H
#define SUPERVISOR_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct terminal {
    bool there; /* stdin or stdout is one, and its modes are known */
    int fd;
    struct termios saved;
};

void terminal_save(struct terminal *terminal);

/* If the modes are others than at the start: sets them back, shows the cursor, leaves the alternate
 * screen. Does nothing in the background. */
void terminal_restore(struct terminal *terminal);

#endif
