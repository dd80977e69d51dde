/* The command line: `hotrun [COMMAND] [OPTIONS] ...`. Options and commands are rows; help comes
 * from the rows. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/error.h"
#include "config/config.h"

#include <stdbool.h>

enum command {
    COMMAND_RUN,
    COMMAND_CHECK,
    COMMAND_STATUS,
    COMMAND_RELOAD,
    COMMAND_QUIT,
    COMMAND_EVENTS,
    COMMAND_HELP, /* text is in `help` */
    COMMAND_VERSION
};

struct options {
    enum command command;
    struct config config; /* hotrun.toml (found or -c) with the command line over it, resolved; run
                             and check */
    char *library;        /* check: LIB */
    bool json;            /* --json */
    bool force;           /* reload --force */
    char *help;           /* owned */
};

/* Parses argv and loads the config. A first word that is a command is a command; anything else is a
 * library to run. False with ERROR_USAGE (a command of a later version: "unknown command rewind;
 * known are ...; did you mean ...") or ERROR_CONFIG. For status, reload, quit and events only
 * run_dir of the config is resolved, and no library needs to be named: it is that of
 * --run-dir/--name, else the `.hotrun` of this folder or of the nearest parent that has one. */
bool options_parse(struct options *options, int argc, char **argv, struct error *err);
void options_finish(struct options *options);

#endif
