/* Which of the bytes that a terminal gives are keys that a person has pressed. Text that is pasted
 * and the sequences of other keys (arrows, function keys) come in one piece and hold other bytes
 * than those of keys; what comes in a flood is nobody's fingers. */
#ifndef TERMINAL_KEY_PRESS_H
#define TERMINAL_KEY_PRESS_H

#include <stddef.h>
#include <stdint.h>

#define KEY_PRESS_MOST 8 /* that count of one reading */

struct key_press {
    uint64_t quiet_ns;  /* until then all is still part of what was pasted */
    uint64_t second_ns; /* the begin of the second that is counted */
    unsigned in_second;
};

/* `bytes` were read at once at `now_ns` (monotonic); `known`: the keys. Returns how many of them
 * count, from the first on: `len` or none. */
size_t key_press_take(struct key_press *press, const char *known, const char *bytes, size_t len,
                      uint64_t now_ns);

#endif
