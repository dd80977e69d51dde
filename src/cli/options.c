#define _GNU_SOURCE /* getopt_long */
#include "cli/options.h"

#include "base/path.h"
#include "cli/help.h"
#include "config/suggest.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MOST 16

struct given { /* what stands on the command line */
    const struct option_row *row;
    const char *value;
};

struct parsing {
    struct given given[64];
    size_t count;
    const char *config_file;
    bool help, version;
};

static const struct command_row *find_command(const char *word)
{
    for (size_t i = 0; i < command_row_count; i++) {
        if (strcmp(command_rows[i].name, word) == 0) {
            return &command_rows[i];
        }
    }
    return NULL;
}

/* A word that is neither a command nor a path, and no file either: most likely a mistyped command.
 */
static bool check_word(const char *word, struct error *err)
{
    const char *names[16];
    bool path = strchr(word, '/') != NULL || strchr(word, '.') != NULL || access(word, F_OK) == 0;
    if (path) {
        return true;
    }
    for (size_t i = 0; i < command_row_count; i++) {
        names[i] = command_rows[i].name;
    }
    const char *near = suggest(word, names, command_row_count);
    return error_set(
        err, ERROR_USAGE,
        "unknown command %.100s%s%s%s; commands are run, check, status, reload, quit and "
        "events, and a library is named by its file (./%.100s)",
        word, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
        near != NULL ? "?" : "", word);
}

static bool unknown_option(const char *word, unsigned command, struct error *err)
{
    const char *names[OPTIONS_MOST];
    char spelled[OPTIONS_MOST][24];
    size_t count = 0;
    for (size_t i = 0; i < option_row_count; i++) {
        if ((option_rows[i].commands & command) != 0) {
            (void)snprintf(spelled[count], sizeof spelled[count], "--%s", option_rows[i].name);
            names[count] = spelled[count];
            count++;
        }
    }
    const char *near = suggest(word, names, count);
    return error_set(err, ERROR_USAGE, "unknown option %.100s%s%s; hotrun --help lists them", word,
                     near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

static bool take(struct options *options, struct parsing *parsing, const struct option_row *row,
                 const char *value, struct error *err)
{
    if (strcmp(row->name, "config") == 0) {
        parsing->config_file = value;
    } else if (strcmp(row->name, "json") == 0) {
        options->json = true;
    } else if (strcmp(row->name, "force") == 0) {
        options->force = true;
    } else if (strcmp(row->name, "help") == 0) {
        parsing->help = true;
    } else if (strcmp(row->name, "version") == 0) {
        parsing->version = true;
    } else if (parsing->count == sizeof parsing->given / sizeof parsing->given[0]) {
        return error_set(err, ERROR_USAGE, "too many options");
    } else {
        parsing->given[parsing->count++] = (struct given){row, value};
    }
    return true;
}

/* Options of `command`; stops at the first word that is none, or behind `--`. */
static bool parse_options(struct options *options, struct parsing *parsing, int argc, char **argv,
                          unsigned command, struct error *err)
{
    struct option longs[OPTIONS_MOST + 1] = {0};
    const struct option_row *rows[OPTIONS_MOST];
    char shorts[2 * OPTIONS_MOST + 4] = "+:";
    size_t count = 0;
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if ((row->commands & command) == 0) {
            continue;
        }
        longs[count] =
            (struct option){row->name, row->value != NULL ? required_argument : no_argument, NULL,
                            256 + (int)count};
        rows[count++] = row;
        if (row->letter != 0) {
            size_t len = strlen(shorts);
            shorts[len] = row->letter;
            shorts[len + 1] = row->value != NULL ? ':' : '\0';
        }
    }
    int found;
    while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct option_row *row = found >= 256 ? rows[found - 256] : NULL;
        for (size_t i = 0; row == NULL && i < count; i++) {
            row = rows[i]->letter != 0 && rows[i]->letter == found ? rows[i] : NULL;
        }
        if (found == ':') {
            return error_set(err, ERROR_USAGE, "%s: expected a value behind it", argv[optind - 1]);
        }
        if (row == NULL) {
            return unknown_option(argv[optind - 1], command, err);
        }
        if (!take(options, parsing, row, optarg, err)) {
            return false;
        }
    }
    return true;
}

static bool apply(struct config *config, const struct parsing *parsing, struct error *err)
{
    for (size_t i = 0; i < parsing->count; i++) {
        const struct option_row *row = parsing->given[i].row;
        const char *value = row->set != NULL ? row->set : parsing->given[i].value;
        char option[32];
        (void)snprintf(option, sizeof option, "--%s", row->name);
        /* The command line's paths start here, the file's in its own folder. */
        bool path = strcmp(row->name, "run-dir") == 0 ||
                    (strcmp(row->name, "events") == 0 && strcmp(value, "-") != 0);
        char *full = path ? path_absolute(value) : NULL;
        bool ok = config_set(config, row->key, full != NULL ? full : value, option, err);
        free(full);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool apply_environment(struct config *config, struct error *err)
{
    const char *level = getenv("HOTRUN_LOG");
    return level == NULL || level[0] == '\0' ||
           config_set(config, "log.level", level, "HOTRUN_LOG", err);
}

static bool set_library(struct config *config, const char *word, struct error *err)
{
    char *full = path_absolute(word);
    bool ok = full != NULL && config_set(config, "module.path", full, word, err);
    free(full);
    return ok;
}

static bool set_arguments(struct config *config, char **words, int count, struct error *err)
{
    char **args = calloc((size_t)count + 1, sizeof *args);
    for (int i = 0; args != NULL && i < count; i++) {
        args[i] = strdup(words[i]);
    }
    if (args == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for arguments");
    }
    for (size_t i = 0; config->args != NULL && config->args[i] != NULL; i++) {
        free(config->args[i]);
    }
    free(config->args);
    config->args = args;
    return true;
}

static bool load_file(struct config *config, const char *file, struct error *err)
{
    char *found = file != NULL ? strdup(file) : config_find(".");
    bool ok = found == NULL || config_load(config, found, err);
    free(found);
    return ok;
}

/* A running hotrun without hotrun.toml: the nearest .hotrun, here or in a parent. */
static bool find_run_dir(struct config *config, struct error *err)
{
    char *at = path_absolute(".");
    while (at != NULL && config->file == NULL && config->run_dir == NULL) {
        char *dir = path_join(at, ".hotrun");
        if (dir != NULL && access(dir, F_OK) == 0) {
            bool ok = config_set(config, "run.dir", dir, "run.dir", err);
            free(dir);
            free(at);
            return ok;
        }
        free(dir);
        if (strcmp(at, "/") == 0) {
            break;
        }
        char *parent = path_dir(at);
        free(at);
        at = parent;
    }
    free(at);
    return true;
}

static bool resolve(struct options *options, const struct parsing *parsing, int argc, char **argv,
                    struct error *err)
{
    struct config *config = &options->config;
    bool runs = options->command == COMMAND_RUN || options->command == COMMAND_CHECK;
    int at = optind;
    bool ended = at > 0 && strcmp(argv[at - 1], "--") == 0;
    if (!load_file(config, parsing->config_file, err) || !apply_environment(config, err) ||
        !apply(config, parsing, err)) {
        return false;
    }
    if (runs && at < argc && !ended) {
        if (!set_library(config, argv[at++], err)) {
            return false;
        }
        ended = at < argc && strcmp(argv[at], "--") == 0;
        at += ended;
    }
    if (at < argc && !(ended && options->command == COMMAND_RUN)) {
        return error_set(err, ERROR_USAGE,
                         options->command == COMMAND_RUN
                             ? "unexpected word %.100s: options stand before the library, the "
                               "module's arguments behind `--`"
                             : "unexpected word %.100s: see `hotrun --help`",
                         argv[at]);
    }
    if (at < argc && !set_arguments(config, argv + at, argc - at, err)) {
        return false;
    }
    return runs ? config_resolve(config, err)
                : find_run_dir(config, err) && config_resolve_run_dir(config, err);
}

/* Options may stand behind the library too: `hotrun ./libgame.so --rate max`. */
static void options_first(int argc, char **argv)
{
    if (argc < 3 || argv[1][0] == '-') {
        return;
    }
    int last = 1;
    while (last + 1 < argc && strcmp(argv[last + 1], "--") != 0) {
        last++;
    }
    char *library = argv[1];
    memmove(&argv[1], &argv[2], (size_t)(last - 1) * sizeof *argv);
    argv[last] = library;
}

bool options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    struct parsing parsing = {0};
    *options = (struct options){.command = COMMAND_RUN};
    if (!config_init(&options->config, err)) {
        return false;
    }
    const struct command_row *row = argc > 1 ? find_command(argv[1]) : NULL;
    if (row != NULL) {
        options->command = row->command;
        argc--;
        argv++;
    } else if (argc > 1 && argv[1][0] != '-' && !check_word(argv[1], err)) {
        goto fail;
    }
    options_first(argc, argv);
    optind = 0; /* glibc: scan anew */
    if (!parse_options(options, &parsing, argc, argv, 1U << options->command, err)) {
        goto fail;
    }
    if (parsing.help) {
        options->help = help_text(row == NULL ? COMMAND_HELP : options->command);
        options->command = COMMAND_HELP;
        if (options->help == NULL) {
            error_set(err, ERROR_SYSTEM, "no memory for the help");
            goto fail;
        }
        return true;
    }
    if (parsing.version) {
        options->command = COMMAND_VERSION;
        return true;
    }
    if (resolve(options, &parsing, argc, argv, err)) {
        return true;
    }
fail:
    options_finish(options);
    return false;
}

void options_finish(struct options *options)
{
    config_finish(&options->config);
    free(options->library);
    free(options->help);
    options->library = options->help = NULL;
}
