/* What can stand in a place of the command line, as the rows of help.h call it: FILE, LEVEL,
 * HZ|max|once. */
#ifndef CLI_OFFER_H
#define CLI_OFFER_H

#include "base/text.h"
#include "cli/help.h"

enum offer_kind {
    OFFER_NONE, /* nothing that can be guessed */
    OFFER_FILES,
    OFFER_FOLDERS,
    OFFER_PROGRAMS
};

struct offer {
    enum offer_kind kind; /* besides the words */
    struct text words;    /* each with a space before it */
};

/* What an option's value or the usage of a command can be. To be given back by offer_finish. */
struct offer offer_of(const char *usage);
void offer_finish(struct offer *offer);

#endif
