/* The terminal's modes. The terminal belongs to the module; what the supervisor does is to ask for
 * keys one by one where nobody else reads, and to put the terminal back after a host that died in
 * the middle of it. In the background nothing of it is touched. */
#ifndef TERMINAL_TERMINAL_H
#define TERMINAL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct screen;

struct terminal {
    bool there; /* stdin or stdout is one, and its modes are known */
    int fd;
    struct termios saved; /* from before hotrun */
    struct termios base;  /* what hotrun has set: `saved`, or that with keys one by one */
    bool keyed;           /* the latter */
};

enum terminal_owner {
    TERMINAL_OURS,   /* its modes are those that hotrun has set */
    TERMINAL_MODULE, /* the module has set others: it is its alone */
    TERMINAL_OTHERS  /* hotrun is in the background, or there is none */
};

void terminal_save(struct terminal *terminal);

enum terminal_owner terminal_owner(const struct terminal *terminal);

/* Keys one by one and without an echo, or as before hotrun. Signals by keys (Ctrl-C) stay. Nothing
 * is done while the terminal is not ours. */
void terminal_set_keys(struct terminal *terminal, bool on);

/* After a host's death. If the modes are not those that hotrun has set: sets them back, shows the
 * cursor, leaves the alternate screen and makes all of it scroll again. Does nothing in the
 * background. `screen`: the terminal to write on. True: it was done. */
bool terminal_restore(struct terminal *terminal, struct screen *screen);

/* The same with the modes from before hotrun. */
void terminal_end(struct terminal *terminal, struct screen *screen);

#endif
