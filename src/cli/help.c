#include "cli/help.h"

#include "base/text.h"
#include "project/template.h"

#include <string.h>

const struct command_row command_rows[] = {
    {"run", "[OPTIONS] [LIB] [-- ARGS...]",
     "run a library or a C file; the word `run` may be left out", COMMAND_RUN, WORDS_MOST},
    {"check", "[OPTIONS] [LIB]", "load a library and tell what is found, without running it",
     COMMAND_CHECK, WORDS_MOST},
    {"status", "[OPTIONS]", "how the running hotrun stands", COMMAND_STATUS, 0},
    {"reload", "[OPTIONS]", "look at the library now, and wait for the outcome", COMMAND_RELOAD, 0},
    {"build", "[OPTIONS]", "build now, and wait for the outcome", COMMAND_BUILD, 0},
    {"quit", "[OPTIONS]", "end the running hotrun", COMMAND_QUIT, 0},
    {"events", "[OPTIONS]", "follow the events, one JSON object a line", COMMAND_EVENTS, 0},
    {"pause", "[OPTIONS]", "make no steps any more", COMMAND_PAUSE, 0},
    {"resume", "[OPTIONS]", "go on after a pause, or out of a hold", COMMAND_RESUME, 0},
    {"step", "[OPTIONS] [N]", "while paused: make N steps (1)", COMMAND_STEP, 1},
    {"rate", "[OPTIONS] HZ|max|once", "another pace, for the rest of the run", COMMAND_RATE, 1},
    {"log", "[OPTIONS] LEVEL", "another log level", COMMAND_LOG, 1},
    {"send", "[OPTIONS] NAME [JSON]", "a message for the module; prints its reply", COMMAND_SEND,
     2},
    {"state", "[OPTIONS] get|set|remove|merge|diff|layout ...",
     "look into the state, change it, compare it", COMMAND_STATE, WORDS_MOST},
    {"rollback", "[OPTIONS]", "back to the good generation before, and its state", COMMAND_ROLLBACK,
     0},
    {"reset", "[OPTIONS]", "start the library anew, with a fresh state", COMMAND_RESET, 0},
    {"snapshot", "[OPTIONS] [FILE]", "put the state on disk, and into FILE", COMMAND_SNAPSHOT, 1},
    {"restore", "[OPTIONS] FILE", "go on with the state of a snapshot", COMMAND_RESTORE, 1},
    {"history", "[OPTIONS]", "the snapshots that are stored, newest first", COMMAND_HISTORY, 0},
    {"rewind", "[OPTIONS] [ID]", "back to a snapshot; each time one further", COMMAND_REWIND, 1},
    {"completion", "bash|zsh|fish", "print a script that completes hotrun's words",
     COMMAND_COMPLETION, 1},
    {"new", "[OPTIONS] DIR", "write a project that runs with `hotrun` in DIR", COMMAND_NEW, 1},
};
const size_t command_row_count = sizeof command_rows / sizeof command_rows[0];

const struct command_row *command_find(const char *word)
{
    for (size_t i = 0; i < command_row_count; i++) {
        if (strcmp(command_rows[i].name, word) == 0) {
            return &command_rows[i];
        }
    }
    return NULL;
}

const struct command_row *command_row(enum command command)
{
    for (size_t i = 0; i < command_row_count; i++) {
        if (command_rows[i].command == command) {
            return &command_rows[i];
        }
    }
    return NULL;
}

const struct sub_row sub_rows[] = {
    {COMMAND_STATE, "get", "[POINTER]", "print a value: /player/x; without a pointer all", 0, 1},
    {COMMAND_STATE, "set", "POINTER JSON [POINTER JSON...]", "change or add values, all or none", 2,
     WORDS_MOST},
    {COMMAND_STATE, "remove", "POINTER...", "take values out, all or none", 1, WORDS_MOST},
    {COMMAND_STATE, "merge", "FILE", "apply a merge patch (RFC 7396); `-`: from stdin", 1, 1},
    {COMMAND_STATE, "diff", "A B", "compare two: a snapshot's number, a file, or `now`", 2, 2},
    {COMMAND_STATE, "layout", "", "print what lies where in it, as C; --json: with all facts", 0,
     0},
    {COMMAND_COMPLETION, "bash", "", "eval \"$(hotrun completion bash)\"", 0, 0},
    {COMMAND_COMPLETION, "zsh", "", "source <(hotrun completion zsh)", 0, 0},
    {COMMAND_COMPLETION, "fish", "", "hotrun completion fish | source", 0, 0},
};
const size_t sub_row_count = sizeof sub_rows / sizeof sub_rows[0];

const struct sub_row *sub_find(enum command command, const char *name)
{
    for (size_t i = 0; i < sub_row_count; i++) {
        if (sub_rows[i].command == command && strcmp(sub_rows[i].name, name) == 0) {
            return &sub_rows[i];
        }
    }
    return NULL;
}

#define RUN   (1U << COMMAND_RUN)
#define CHECK (1U << COMMAND_CHECK)
#define NEW   (1U << COMMAND_NEW)
#define EVERY ((1U << COMMAND_HELP) - 1)
#define ALL   (EVERY & ~(1U << COMMAND_COMPLETION | NEW)) /* that have to do with a run */
#define TALK  (ALL & ~(RUN | CHECK))

const struct option_row option_rows[] = {
    {'c', "config", "FILE", NULL, NULL, ALL, "use this hotrun.toml"},
    {'r', "rate", "RATE", "step.rate", NULL, RUN, "steps a second, `max` or `once` (60)"},
    {0, "name", "NAME", "run.name", NULL, RUN | TALK, "a run directory of its own"},
    {0, "run-dir", "DIR", "run.dir", NULL, RUN | TALK, "where status and socket are (.hotrun)"},
    {0, "resume", NULL, "run.resume", "true", RUN, "go on from the newest snapshot on disk"},
    {0, "restore", "FILE", "run.restore", NULL, RUN, "go on from this snapshot"},
    {0, "events", "FILE", "log.events", NULL, RUN, "write events to FILE; `-`: stdout"},
    {0, "log-level", "LEVEL", "log.level", NULL, ALL, "trace, debug, info, warn or error"},
    {0, "wrap", "CMD", "run.wrap", NULL, RUN | CHECK, "start the host under CMD: 'gdb --args'"},
    {0, "cc", "CMD", "build.cc", NULL, RUN | CHECK, "compile .c files with CMD"},
    {0, "cflags", "FLAGS", "build.cflags", NULL, RUN | CHECK, "options for the compiler"},
    {0, "libs", "FLAGS", "build.libs", NULL, RUN | CHECK, "options for its linker: '-lm -lSDL2'"},
    {0, "pkg-config", "NAMES", "build.pkg_config", NULL, RUN | CHECK,
     "packages that are used: 'sdl2 libpng'"},
    {0, "keys", NULL, "terminal.keys", "on", RUN, "keys of the terminal steer hotrun"},
    {0, "no-keys", NULL, "terminal.keys", "off", RUN, "they are the module's alone"},
    {0, "no-status-line", NULL, "terminal.status_line", "false", RUN, "leave the last line alone"},
    {0, "no-color", NULL, "log.color", "false", EVERY, "no colours (also NO_COLOR)"},
    {0, "json", NULL, NULL, NULL, CHECK | TALK, "print JSON"},
    {0, "layout", NULL, NULL, NULL, CHECK, "tell what lies where in its state, as C or JSON"},
    {0, "force", NULL, NULL, NULL, 1U << COMMAND_RELOAD, "also what failed before or is the same"},
    {0, "keep-state", NULL, NULL, NULL, 1U << COMMAND_ROLLBACK, "with the present state"},
    {0, "template", "KIND", NULL, NULL, NEW, "what it is made of (minimal)"},
    {0, "build", "TOOL", NULL, NULL, NEW, "what builds it (make; rust: cargo)"},
    {'h', "help", NULL, NULL, NULL, EVERY, "this text, or that of a command"},
    {'V', "version", NULL, NULL, NULL, EVERY, "the version"},
};
const size_t option_row_count = sizeof option_rows / sizeof option_rows[0];

static void add_options(struct text *text, unsigned commands)
{
    text_puts(text, "\nOptions:\n");
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if ((row->commands & commands) == 0) {
            continue;
        }
        struct text left = {0};
        if (row->letter != 0) {
            text_printf(&left, "-%c, ", row->letter);
        } else {
            text_puts(&left, "    ");
        }
        text_printf(&left, "--%s%s%s", row->name, row->value != NULL ? " " : "",
                    row->value != NULL ? row->value : "");
        text_printf(text, "  %-22s %s\n", text_string(&left), row->help);
        text_finish(&left);
    }
}

static void add_subs(struct text *text, enum command command)
{
    bool first = true;
    for (size_t i = 0; i < sub_row_count; i++) {
        if (sub_rows[i].command == command) {
            text_printf(text, "%s  %s%s%s\n      %s\n", first ? "\n" : "", sub_rows[i].name,
                        sub_rows[i].usage[0] != '\0' ? " " : "", sub_rows[i].usage,
                        sub_rows[i].help);
            first = false;
        }
    }
}

static void add_overview(struct text *text)
{
    text_puts(text,
              "hotrun runs a shared library and replaces it when it changes; its state goes on.\n"
              "\n"
              "Usage: hotrun [OPTIONS] [LIB] [-- ARGS...]   LIB: a .so, a .c, or hotrun.toml's\n"
              "       hotrun COMMAND [OPTIONS]\n"
              "\nCommands:\n");
    for (size_t i = 0; i < command_row_count; i++) {
        text_printf(text, "  %-10s %s\n", command_rows[i].name, command_rows[i].help);
    }
    add_options(text, RUN);
    text_puts(text,
              "\nEvery option has a key in hotrun.toml, which is looked for here and in parent\n"
              "folders. `hotrun COMMAND --help` tells more; so does `man hotrun`.\n");
}

static void add_templates(struct text *text)
{
    text_puts(text, "\nTemplates:\n");
    for (size_t i = 0; i < template_row_count; i++) {
        text_printf(text, "  %-8s %s (", template_rows[i].name, template_rows[i].help);
        bool first = true;
        for (size_t j = 0; j < build_row_count; j++) {
            if (strcmp(build_rows[j].language, template_rows[i].language) == 0) {
                text_printf(text, "%s%s", first ? "" : ", ", build_rows[j].name);
                first = false;
            }
        }
        text_puts(text, ")\n");
    }
    text_puts(text, "\nDIR is new, or holds nothing but .git. Its last part names the module.\n");
}

char *help_text(enum command command)
{
    struct text text = {0};
    const struct command_row *row = command_row(command);
    if (row == NULL) {
        add_overview(&text);
    } else {
        text_printf(&text, "hotrun %s: %s\n\nUsage: hotrun %s %s\n", row->name, row->help,
                    row->name, row->usage);
        add_subs(&text, command);
        add_options(&text, 1U << command);
        if (command == COMMAND_NEW) {
            add_templates(&text);
        }
        if (((1U << command) & TALK) != 0) {
            text_puts(&text,
                      "\nIt finds the running hotrun by the run directory of this folder or a "
                      "parent.\n");
        }
    }
    if (text.failed) {
        text_finish(&text);
        return NULL;
    }
    return text.data;
}
