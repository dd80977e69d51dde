/* What hotrun has on the terminal that it was started on: the log's way there, the status line,
 * the keys. All of it goes when hotrun stops (Ctrl-Z) or ends, and comes back with `fg`. */
#ifndef SUPERVISOR_CONSOLE_H
#define SUPERVISOR_CONSOLE_H

#include "supervisor/keys.h"
#include "terminal/screen.h"
#include "terminal/status_line.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define CONSOLE_SIGNALS 3

struct console {
    bool begun;
    struct screen screen; /* the log's way */
    struct screen other;  /* the terminal, where the log goes elsewhere */
    bool has_line;        /* there can be one */
    struct status_line line;
    struct keys keys;
    uv_signal_t signals[CONSOLE_SIGNALS];
    uint64_t looked_ns; /* the last look */
    uint64_t loaded_ns; /* when the last library was taken; 0: none was */
    uint64_t took_ns;   /* and how long that took */
    const char *how;    /* in a word */
};

#endif
