/* The members of an object or the items of an array, one after the other, in JSON text that is
 * known to be valid: nothing is checked again, and what is not looked into is passed over eight
 * bytes at a time. Other bytes lead to nonsense, but never beyond `end`. */
#ifndef STATE_MEMBERS_H
#define STATE_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

struct members {
    const char *at, *end; /* the next byte to look at; the text's end */
    const char *inner;    /* behind the opening bracket */
    bool object;
    size_t count; /* that were met */

    /* The one that members_next found last. */
    const char *start; /* of its key's quote, or of an item's value */
    const char *key;   /* as it is spelled between its quotes; NULL: an item */
    size_t key_len;
    bool key_escaped;
    const char *value;
};

/* What is behind the value that starts at `at`. */
const char *value_end(const char *at, const char *end);

/* The first byte of the text's value. */
const char *value_start(const char *text, const char *end);

/* `at` is the bracket that opens. */
void members_open(struct members *members, const char *at, const char *end);

/* `behind` is the end of the value that was met last, NULL: it is looked for; without meaning for
 * the first. False: there are no more, and `at` is the closing bracket. */
bool members_next(struct members *members, const char *behind);

/* What is behind the container, when members_next has returned false. */
const char *members_behind(const struct members *members);

/* What stands before the one that was met last, behind the comma or the bracket. */
const char *members_lead(const struct members *members);

#endif
