/* Where a JSON pointer leads in a text, also when nothing is there. */
#ifndef STATE_PLACE_H
#define STATE_PLACE_H

#include "base/error.h"
#include "state/members.h"
#include "state/pointer.h"

#include <stdbool.h>
#include <stddef.h>

enum place_kind {
    PLACE_VALUE,  /* it is there */
    PLACE_KEY,    /* no member of the object has the name */
    PLACE_ITEM,   /* the array is shorter */
    PLACE_BEHIND, /* the place behind the last item: "-", or its number */
    PLACE_INDEX,  /* the part of an array is no number of an item */
    PLACE_SCALAR  /* what should hold it is neither object nor array */
};

/* A part of the pointer and what it was looked for in. */
struct place {
    enum place_kind kind;
    const char *value, *end; /* PLACE_VALUE */
    const char *holder;      /* the innermost value that is there, but for PLACE_VALUE */
    const char *part;        /* in the pointer, behind its slash; what could not be found */
    size_t part_len;
    bool last; /* the pointer ends with that part */
    char name[POINTER_MOST];
    size_t name_len; /* the part without its escapes */
    unsigned depth;  /* objects and arrays around the value */

    struct members members; /* the holder, at the value; at its end when that was not found */
    struct members outer;   /* that in which the holder was met; at NULL: it is the root */
};

/* False: `pointer` is none; the error says what is wrong with it. */
bool place_find(struct place *place, const char *json, size_t len, const char *pointer,
                struct error *err);

/* Says what is missing at a place that is none of PLACE_VALUE, and what is there. Returns false. */
bool place_refuse(const struct place *place, const char *pointer, struct error *err);

/* A pointer as a sentence shows it: short, without what a terminal acts on. */
#define PLACE_SHOWN 240
const char *place_show(const char *pointer, size_t len, char shown[PLACE_SHOWN]);

#endif
