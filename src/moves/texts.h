/* String literals that pointers lead to, in the new library: found by an index of all that it has,
 * which is made when the first one is asked for. */
#ifndef MOVES_TEXTS_H
#define MOVES_TEXTS_H

#include "layout/target.h"

struct texts {
    const struct target *target;
    uint32_t *strings; /* of the new library: where they begin, by their hash */
    uint32_t mask;
    uint64_t searched; /* bytes that were looked through for ends of longer strings */
    struct {
        const char *text;
        uint64_t address;
    } * known; /* by the address of the old text */
    uint32_t known_count, known_room;
    bool failed; /* no memory for the index */
};

/* Zero-initialised but for `target` is empty. */
void texts_finish(struct texts *texts);

/* The address of the same text for the new library, or of a copy. 0: neither can be had. */
uint64_t texts_find(struct texts *texts, const char *text);

#endif
