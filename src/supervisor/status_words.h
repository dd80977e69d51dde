/* The text of the status line: what one look should tell, in as many columns as there are. */
#ifndef SUPERVISOR_STATUS_WORDS_H
#define SUPERVISOR_STATUS_WORDS_H

#include "base/text.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum status_tone {
    STATUS_PLAIN,
    STATUS_BUSY, /* something is under way, or a person has stopped it */
    STATUS_BAD   /* something has failed */
};

struct status_facts {
    const char *name;
    const char *word; /* what is out of the ordinary: "held", "building 3 s"; "": it runs */
    enum status_tone tone;
    uint64_t generation; /* 0: none so far */
    enum rate_kind rate;
    double rate_hz;
    uint64_t late;      /* steps that came late */
    uint64_t loaded_ns; /* how long ago the last library was taken; 0: none was */
    uint64_t took_ns;   /* and how long that took */
    const char *how;    /* in a word */
    uint64_t state_bytes;
    bool keys; /* they steer hotrun */
};

/* Appends exactly `columns` columns. What does not fit is left out whole, the less important first;
 * the name is cut. With `color`: reversed, the word in its tone; else no escape sequence at all. */
void status_words(const struct status_facts *facts, unsigned columns, bool color, struct text *out);

#endif
