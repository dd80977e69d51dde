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
    COMMAND_BUILD,
    COMMAND_QUIT,
    COMMAND_EVENTS,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_STEP,
    COMMAND_RATE,
    COMMAND_LOG,
    COMMAND_SEND,
    COMMAND_STATE,
    COMMAND_ROLLBACK,
    COMMAND_RESET,
    COMMAND_SNAPSHOT,
    COMMAND_RESTORE,
    COMMAND_HISTORY,
    COMMAND_REWIND,
    COMMAND_COMPLETION,
    COMMAND_NEW,
    COMMAND_HELP, /* text is in `help` */
    COMMAND_VERSION
};

#define WORDS_MOST 64

struct options {
    enum command command;
    struct config config; /* hotrun.toml (found or -c) with the command line over it, resolved; run
                             and check */
    bool json;            /* --json */
    bool layout;          /* check --layout */
    bool force;           /* reload --force */
    bool keep_state;      /* rollback --keep-state */
    const char *template_name; /* new --template, --build; NULL: the default; in argv */
    const char *build_name;
    const char *words[WORDS_MOST + 1]; /* of a command that takes some: step N, snapshot FILE, new
                                          DIR; in argv */
    unsigned word_count;
    char *help; /* owned */
};

/* Parses argv and loads the config: -c, else the hotrun.toml of this folder or the nearest parent,
 * which must belong to this user or root. A first word that is a command is a command; anything
 * else is a library to run. Options may stand behind the library, the module's arguments stand
 * behind `--`. False with ERROR_USAGE ("unknown command ...; did you mean ...?") or ERROR_CONFIG.
 * `new` reads no config. For those that talk to a running hotrun only run_dir of the config is
 * resolved, and no library needs to be named: it is that of --run-dir/--name, else the `.hotrun`
 * beside hotrun.toml, or of this folder or the nearest parent that has one. */
bool options_parse(struct options *options, int argc, char **argv, struct error *err);
void options_finish(struct options *options);

#endif
