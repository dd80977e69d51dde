/* The rows of commands and options, and the help text that is made of them. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/options.h"

#include <stddef.h>

struct command_row {
    const char *name, *usage, *help; /* shells complete what the usage names: FILE, a|b (offer.h) */
    enum command command;
    unsigned words; /* that it takes besides options, at most */
};

struct option_row {
    char letter; /* 0: none */
    const char *name;
    const char *value; /* what the help calls its value; NULL: takes none */
    const char *key;   /* in hotrun.toml; NULL: none */
    const char *set;   /* a fixed value for the key, of an option without one */
    unsigned commands; /* bits, 1 << enum command */
    const char *help;
};

extern const struct command_row command_rows[];
extern const size_t command_row_count;
const struct command_row *command_find(const char *word);    /* NULL: no command */
const struct command_row *command_row(enum command command); /* NULL: one without a name */

struct sub_row { /* a command's command */
    enum command command;
    const char *name, *usage, *help;
    unsigned least, most; /* words that it takes */
};
extern const struct sub_row sub_rows[];
extern const size_t sub_row_count;
const struct sub_row *sub_find(enum command command, const char *name); /* NULL: there is none */

extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* Help for one command, or for all with COMMAND_HELP. Caller frees. NULL: no memory. */
char *help_text(enum command command);

#endif
