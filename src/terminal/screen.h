/* What hotrun itself writes on a terminal or into a pipe, without ever waiting for it: a terminal
 * that is stopped (Ctrl-S), or one or a pipe whose other end is not read, takes nothing for as long
 * as it likes. What it does not take waits here and goes first. [supervisor's loop thread] */
#ifndef TERMINAL_SCREEN_H
#define TERMINAL_SCREEN_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Bytes that may wait; what finds no room is left out whole. */
#define SCREEN_WAITS_MOST ((size_t)1 << 20)

struct screen {
    bool there;
    bool terminal;
    int fd; /* a description of its own: what the module shares stays blocking */
    uv_poll_t poll;
    bool polls;
    struct text waits;
    uint64_t left_out; /* writes, since the terminal took something last */
};

/* Opens the terminal or the pipe that the descriptor `of` is once more. False: it is neither, or
 * there is no way to it. The loop has to run once after screen_close. */
bool screen_open(struct screen *screen, uv_loop_t *loop, int of);

/* Writes all of it, now or behind what waits, or nothing. */
void screen_put(struct screen *screen, const char *bytes, size_t len);

/* Nothing waits: a picture of the present can be drawn. */
bool screen_is_free(const struct screen *screen);

/* Gives what waits `wait_ms` to go, in all. A second call does nothing. */
void screen_close(struct screen *screen, int wait_ms);

#endif
