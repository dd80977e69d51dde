#include "terminal/key_press.h"

#include "base/clock.h"

#include <stdbool.h>
#include <string.h>

#define PASTE_GAP_NS  (100 * NS_PER_MS)
#define A_SECOND_MOST 40 /* a key held down repeats about 30 times */

static bool all_known(const char *known, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\0' || strchr(known, bytes[i]) == NULL) {
            return false;
        }
    }
    return true;
}

size_t key_press_take(struct key_press *press, const char *known, const char *bytes, size_t len,
                      uint64_t now_ns)
{
    bool pasted = len > KEY_PRESS_MOST || (len > 1 && !all_known(known, bytes, len));
    if (pasted || now_ns < press->quiet_ns) {
        press->quiet_ns = now_ns + PASTE_GAP_NS;
        return 0;
    }
    if (now_ns - press->second_ns >= NS_PER_S) {
        press->second_ns = now_ns;
        press->in_second = 0;
    }
    press->in_second += (unsigned)len;
    return all_known(known, bytes, len) && press->in_second <= A_SECOND_MOST ? len : 0;
}
