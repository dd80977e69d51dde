/* A state as JSON, from its image. It is written as it is read: memory stays bounded, whatever the
 * state's size.
 *
 *   struct, class    object; members of what has no name stand among the others, a base class by
 * its name; equal names (of bases) are told apart by "Base::name" union            {"$bytes":
 * base64}, for which member holds is not known array            array; of `char`: a string, zeros
 * at its end left out, {"$bytes": base64} when it is no UTF-8; of bytes (uint8_t, int8_t) from 64
 * on: {"$bytes": base64} integers         numbers; beyond 2^53 strings of digits float the shortest
 * number that reads back as the same bits; "NaN", "Infinity",
 *                    "-Infinity" (a NaN's payload is not kept)
 *   enum             the enumerator's name, or the number that has none
 *   pointer          null; {"$ref": "/enemies/3"} into the state, "/$heap/0/value/next" into a heap
 *                    object, "/$statics/game.c/speed" into a variable, with "+N" bytes behind what
 *                    a path can name; {"$symbol": "name", "file": "game.c", "offset": 8} (file of
 *                    local ones, offset when not 0); {"$text": "a literal"}; {"$address": "0x..."}
 *                    where it leads to nothing of these
 *   opaque bytes     {"$bytes": base64}
 *
 * Behind the state's own members stand, where there are any, "$heap": [{"type": "struct node",
 * "count": 3, "value": ...}] (value: an array with a count, which is left out when it is 1) and
 * "$statics": {"game.c": {"speed": 3, "function()": {"calls": 4}}}. A state that is no struct then
 * is the member "$state". */
#ifndef LAYOUT_ENCODE_H
#define LAYOUT_ENCODE_H

#include "base/error.h"
#include "layout/image.h"

#include <stdbool.h>
#include <stddef.h>

/* Takes a piece of the text. False ends the work. */
typedef bool encode_write(void *ctx, const char *text, size_t len);

struct encode_wanted {
    bool statics;
    const char *pointer; /* a JSON pointer: only what it names; NULL or "": all */
};

/* False with `err`: nothing is there by that pointer, the image is damaged, memory, or `write`
 * ended it (ERROR_LIMIT). */
bool encode_image(const struct image *image, const struct encode_wanted *wanted,
                  encode_write *write, void *ctx, struct error *err);

#endif
