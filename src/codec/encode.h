/* A state as JSON, from its image. It is written as it is read: memory stays bounded, whatever the
 * state's size.
 *
 * - struct, class: an object. Members of what has no name stand among the others, a base class by
 *   its name; roster.h tells how equal names are told apart. Tables of virtual functions are left
 *   out.
 * - union: {"$bytes": base64}, for which member holds is not known; so is what is opaque. Words of
 *   a union that lead to something, where a member has a pointer, stand beside, by their offset,
 *   and are zeros among the bytes: "pointers": {"8": {"$symbol": "grow"}}.
 * - array: an array. Of `char`: a string, zeros at its end left out, or {"$bytes": base64, "text":
 *   true} when it is no UTF-8. Of bytes (uint8_t, int8_t) from 64 on: {"$bytes": base64}, of int8_t
 *   with "signed": true.
 * - integer: a number; beyond 2^53 a string of digits.
 * - float: the shortest number that reads back as the same bits; "NaN" (without its payload),
 *   "Infinity", "-Infinity".
 * - enum: the enumerator's name, or the number that has none.
 * - pointer: null; {"$ref": "/enemies/3"} into the state, "/$heap/0/value/next" into a heap object,
 *   "/$statics/src~1game.c/speed" into a variable, with "+N" for bytes behind what a path can name;
 *   {"$symbol": "name", "file": "game.c", "offset": 8} (file of local ones, offset when not 0; for
 *   a variable of a function with "function", and its whole file); {"$text": "a literal"};
 *   {"$member": "/hp"} to a data member of a class of C++;
 *   {"$address": "0x..."} where it leads to nothing of these.
 *
 * Behind the state's own members stand, where there are any, "$heap": [{"type": "struct node",
 * "count": 3, "value": ...}] (value: an array with a count, which is left out when it is 1) and
 * "$statics": {"src/game.c": {"speed": 3, "function()": {"calls": 4}}}, of all variables that are
 * carried but those that start anew. A heap object of no known type has "size" and "count", and its
 * bytes as value. A state that is no struct then is the member "$state".
 *
 * Where `exact` is wanted, two members follow that a reader needs whose code has other types:
 * "$enums": [{"type": "enum mode", "id": 5, "names": {"2": "SWIM"}}], the numbers of all names that
 * were written; "$types": [{"/speed": "float32"}, {"/name": "char[16]"}, {"/enemies/ * /as":
 * ["radius float32", "side enum32 {LEFT 0,RIGHT 1}"]}] (without the spaces around the star), the
 * places of floats, enums ("enum 5"), bit-fields, unions and arrays of bytes, as findings name
 * them: all of them, or (of more than some ten thousand) "$types" is left out. */
#ifndef CODEC_ENCODE_H
#define CODEC_ENCODE_H

#include "base/error.h"
#include "layout/image.h"

#include <stdbool.h>
#include <stddef.h>

/* Takes a piece of the text. False ends the work. */
typedef bool encode_write(void *ctx, const char *text, size_t len);

struct encode_wanted {
    bool statics;
    bool exact; /* of a whole document: what is lost when other code reads it is told, too */
    const char *pointer; /* a JSON pointer: only what it names; NULL or "": all */
};

/* False with `err`: nothing is there by that pointer (ERROR_MISSING), the image is damaged, memory,
 * or `write` ended it (ERROR_LIMIT). */
bool encode_image(const struct image *image, const struct encode_wanted *wanted,
                  encode_write *write, void *ctx, struct error *err);

#endif
