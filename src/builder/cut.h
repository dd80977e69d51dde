/* Where a terminal's output may be cut, so that something else can be written between the parts:
 * not in a character (UTF-8), and not in an escape sequence. */
#ifndef BUILDER_CUT_H
#define BUILDER_CUT_H

#include <stddef.h>

#define CUT_REST_MOST                                                                              \
    1024 /* bytes of a sequence that has not ended, before it is taken for none                    \
          */

/* How many of bytes[0..len), which begin with a whole character, come before one that has not
 * ended: len, or the rest is shorter than CUT_REST_MOST. */
size_t cut_whole(const char *bytes, size_t len);

#endif
