/* Puts the terminal back when hotrun dies of a signal that has no other handler: a fault of its
 * own, or Ctrl-\. SIGKILL has no such handler. */
#ifndef TERMINAL_GUARD_H
#define TERMINAL_GUARD_H

#include <stddef.h>
#include <termios.h>

/* Handlers for the signals that would end the process and have none. */
void guard_install(void);

/* From here on such a death writes `bytes` (at most 64, or nothing) and sets `modes` on the
 * terminal `fd`. */
void guard_arm(int fd, const struct termios *modes, const char *bytes, size_t len);
void guard_disarm(void);

#endif
