/* JSON pointers (RFC 6901) into JSON text: "" is the whole, "/a/0/b~1c" a value in it. The text is
 * valid JSON (json_check), and is never taken apart: what is found is a stretch of it. */
#ifndef STATE_POINTER_H
#define STATE_POINTER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define POINTER_MOST 4096 /* bytes */

struct span { /* text[start..end) */
    size_t start, end;
};

/* False: it is none; the error says what is wrong with it and where. */
bool pointer_check(const char *pointer, struct error *err);

/* The value that `pointer` names. False: no pointer at all (what is wrong with it and where), or
 * nothing is there; the error then names the last part that is: "/player/hp: /player has no "hp";
 * it has "health", "x", "y"". */
bool pointer_find(const char *json, size_t len, const char *pointer, struct span *found,
                  struct error *err);

#endif
