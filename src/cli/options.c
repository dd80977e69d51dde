#define _GNU_SOURCE /* getopt_long */
#include "cli/options.h"

#include "base/path.h"
#include "base/text.h"
#include "cli/help.h"
#include "cli/mistakes.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTIONS_MOST 48

struct given { /* what stands on the command line */
    const struct option_row *row;
    const char *value;
};

struct parsing {
    struct given given[64];
    size_t count;
    const char *config_file;
    const char *words[WORDS_MOST + 1]; /* the command's; of run and check the library or sources */
    unsigned word_count;
    char **args; /* behind `--` */
    int arg_count;
    bool help, version;
};

static bool names_library(enum command command)
{
    return command == COMMAND_RUN || command == COMMAND_CHECK;
}

static bool check_word(const struct parsing *parsing, enum command command, const char *word,
                       bool first, struct error *err)
{
    unsigned most = command_row(command)->words;
    const char *before = parsing->word_count > 0 ? parsing->words[parsing->word_count - 1] : "";
    if (names_library(command)) {
        bool sources = config_is_source(word) && config_is_source(before);
        if (parsing->word_count > 0 && !sources) {
            return error_set(err, ERROR_USAGE, "unexpected word %.100s: the library is %.100s%s",
                             word, before,
                             command == COMMAND_RUN ? ", and its arguments stand behind `--`" : "");
        }
        if (parsing->word_count == most) {
            return error_set(err, ERROR_USAGE, "too many sources: put them into build.sources");
        }
        return mistake_library(word, first, err);
    }
    if (most == 0) {
        return error_set(err, ERROR_USAGE,
                         "unexpected word %.100s: hotrun %s takes options only, and finds the "
                         "running hotrun by its run directory",
                         word, command_row(command)->name);
    }
    return parsing->word_count < most ||
           error_set(err, ERROR_USAGE, "unexpected word %.100s: hotrun %s takes %s, %.100s", word,
                     command_row(command)->name, most == 1 ? "one" : "no more", before);
}

static bool take(struct options *options, struct parsing *parsing, const struct option_row *row,
                 const char *value, struct error *err)
{
    if (strcmp(row->name, "config") == 0) {
        parsing->config_file = value;
        if (value[0] == '\0') {
            return error_set(err, ERROR_USAGE, "--config: expected a file, found \"\"");
        }
    } else if (strcmp(row->name, "json") == 0) {
        options->json = true;
    } else if (strcmp(row->name, "layout") == 0) {
        options->layout = true;
    } else if (strcmp(row->name, "force") == 0) {
        options->force = true;
    } else if (strcmp(row->name, "keep-state") == 0) {
        options->keep_state = true;
    } else if (strcmp(row->name, "template") == 0) {
        options->template_name = value;
    } else if (strcmp(row->name, "build") == 0) {
        options->build_name = value;
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

/* What getopt_long is to know of the options of a command. */
struct table {
    struct option longs[OPTIONS_MOST + 1];
    const struct option_row *rows[OPTIONS_MOST];
    char shorts[2 * OPTIONS_MOST + 4];
    size_t count;
};

#define FIRST_LONG 256

static void make_table(struct table *table, enum command command)
{
    /* "-": words come in their order as option 1, as options may stand behind the library too. ":":
     * no messages, and a missing value comes as ':'. */
    *table = (struct table){.shorts = "-:"};
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        if ((row->commands & 1U << command) == 0) {
            continue;
        }
        int value = row->value != NULL ? required_argument : no_argument;
        table->longs[table->count] =
            (struct option){row->name, value, NULL, FIRST_LONG + (int)table->count};
        table->rows[table->count++] = row;
        if (row->letter != 0) {
            size_t len = strlen(table->shorts);
            table->shorts[len] = row->letter;
            table->shorts[len + 1] = row->value != NULL ? ':' : '\0';
        }
    }
}

static const struct option_row *find_option(const struct table *table, int found)
{
    if (found >= FIRST_LONG) {
        return table->rows[found - FIRST_LONG];
    }
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i]->letter != 0 && table->rows[i]->letter == found) {
            return table->rows[i];
        }
    }
    return NULL;
}

/* The next option or word. A number below zero is a word where words are values. */
static int next(int argc, char **argv, const struct table *table, bool takes_words)
{
    const char *at = optind > 0 && optind < argc ? argv[optind] : "";
    if (takes_words && at[0] == '-' && at[1] >= '0' && at[1] <= '9') {
        optarg = argv[optind++];
        return 1;
    }
    return getopt_long(argc, argv, table->shorts, table->longs, NULL);
}

/* `unnamed`: the command was not named, so that the first word may have been meant as one. */
static bool parse_words(struct options *options, struct parsing *parsing, int argc, char **argv,
                        bool unnamed, struct error *err)
{
    struct table table;
    int found;
    bool takes_words = !names_library(options->command) && command_row(options->command)->words > 0;
    make_table(&table, options->command);
    optind = 0; /* glibc: scan anew */
    while ((found = next(argc, argv, &table, takes_words)) != -1) {
        const struct option_row *row = find_option(&table, found);
        if (found == 1) {
            if (!check_word(parsing, options->command, optarg, unnamed && optind == 2, err)) {
                return false;
            }
            parsing->words[parsing->word_count++] = optarg;
        } else if (found == ':') {
            return error_set(err, ERROR_USAGE, "%s: expected a value behind it", argv[optind - 1]);
        } else if (row == NULL) {
            char letter[] = {'-', optopt > 0x20 && optopt < 0x7f ? (char)optopt : '?',
                             '\0'}; /* argv does not tell which of "-xyz" */
            bool is_short = optopt != 0 && optopt < FIRST_LONG;
            return mistake_option(is_short ? letter : argv[optind - 1], options->command, err);
        } else if (!take(options, parsing, row, optarg, err)) {
            return false;
        }
    }
    for (; takes_words && optind < argc; optind++) {
        if (!check_word(parsing, options->command, argv[optind], false, err)) {
            return false;
        }
        parsing->words[parsing->word_count++] = argv[optind];
    }
    parsing->args = argv + optind;
    parsing->arg_count = argc - optind;
    if (parsing->arg_count > 0 && options->command != COMMAND_RUN) {
        return error_set(err, ERROR_USAGE,
                         "unexpected word %.100s: hotrun %s hands no arguments on",
                         parsing->args[0], command_row(options->command)->name);
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
        bool path = value[0] != '\0' &&
                    (strcmp(row->name, "run-dir") == 0 || strcmp(row->name, "restore") == 0 ||
                     (strcmp(row->name, "events") == 0 && strcmp(value, "-") != 0));
        char *full = path ? path_absolute(value) : NULL;
        bool ok = path && full == NULL
                      ? error_set(err, ERROR_SYSTEM, "no memory for a path")
                      : config_set(config, row->key, full != NULL ? full : value, option, err);
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

static void free_words(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        free(words[i]);
    }
    free(words);
}

static bool set_arguments(struct config *config, char **words, int count, struct error *err)
{
    char **args = calloc((size_t)count + 1, sizeof *args);
    bool ok = args != NULL;
    for (int i = 0; ok && i < count; i++) {
        args[i] = strdup(words[i]);
        ok = args[i] != NULL;
    }
    if (!ok) {
        free_words(args);
        return error_set(err, ERROR_SYSTEM, "no memory for arguments");
    }
    free_words(config->args);
    config->args = args;
    return true;
}

static bool set_library(struct config *config, const char *word, struct error *err)
{
    char *full = path_absolute(word);
    bool ok = full != NULL ? config_set(config, "module.path", full, word, err)
                           : error_set(err, ERROR_SYSTEM, "no memory for a path");
    free(full);
    return ok;
}

/* What is named here is what runs: the file's library, and how that one is built, do not count. */
static bool set_sources(struct config *config, const struct parsing *parsing, struct error *err)
{
    char **sources = calloc((size_t)parsing->word_count + 1, sizeof *sources);
    bool ok = sources != NULL;
    for (unsigned i = 0; ok && i < parsing->word_count; i++) {
        sources[i] = path_absolute(parsing->words[i]);
        ok = sources[i] != NULL;
    }
    if (!ok) {
        free_words(sources);
        return error_set(err, ERROR_SYSTEM, "no memory for a path");
    }
    free_words(config->build_sources);
    config->build_sources = sources;
    return config_set(config, "build.command", "", "build.command", err) &&
           config_set(config, "module.path", "", "module.path", err) &&
           config_set(config, "module.name", "", "module.name", err);
}

/* Nor does what the file compiles, when a library is named. */
static bool set_target(struct config *config, const struct parsing *parsing, struct error *err)
{
    if (parsing->word_count == 0) {
        return true;
    }
    return config_is_source(parsing->words[0])
               ? set_sources(config, parsing, err)
               : config_set(config, "build.sources", "[]", "build.sources", err) &&
                     set_library(config, parsing->words[0], err);
}

/* What is found without being named may lie in a folder where others write, such as /tmp, and a
 * hotrun.toml names programs to start. */
static bool check_owner(const char *file, struct error *err)
{
    struct stat st;
    if (stat(file, &st) != 0 || st.st_uid == geteuid() || st.st_uid == 0) {
        return true; /* what cannot be looked at cannot be read either */
    }
    char *shown = path_short(file);
    error_set(err, ERROR_CONFIG,
              "%s belongs to another user (%u): if you trust it, name it: hotrun -c %s", file,
              (unsigned)st.st_uid, shown != NULL ? shown : file);
    free(shown);
    return false;
}

static bool load_file(struct config *config, const char *file, struct error *err)
{
    if (file != NULL) {
        return config_load(config, file, err);
    }
    char *found;
    bool ok = config_find(".", &found, err) &&
              (found == NULL || (check_owner(found, err) && config_load(config, found, err)));
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

static bool resolve(struct options *options, const struct parsing *parsing, struct error *err)
{
    struct config *config = &options->config;
    if (options->command == COMMAND_NEW) {
        return apply(config, parsing, err); /* a hotrun.toml above is not the project's */
    }
    bool talks = options->command != COMMAND_RUN && options->command != COMMAND_CHECK;
    /* A file that is being edited must not keep anybody from `hotrun quit`. */
    bool forgiven = talks && parsing->config_file == NULL;
    bool loaded = load_file(config, parsing->config_file, forgiven ? NULL : err) || forgiven;
    if (!loaded || !apply_environment(config, err) || !apply(config, parsing, err)) {
        return false;
    }
    if (talks) {
        return find_run_dir(config, err) && config_resolve_run_dir(config, err);
    }
    return set_target(config, parsing, err) &&
           (parsing->arg_count == 0 ||
            set_arguments(config, parsing->args, parsing->arg_count, err)) &&
           config_resolve(config, err);
}

bool options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    struct parsing parsing = {0};
    *options = (struct options){.command = COMMAND_RUN};
    if (!config_init(&options->config, err)) {
        return false;
    }
    const struct command_row *row = argc > 1 ? command_find(argv[1]) : NULL;
    if (row != NULL) {
        options->command = row->command;
        argc--;
        argv++;
    }
    if (!parse_words(options, &parsing, argc, argv, row == NULL, err)) {
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
    options->word_count = parsing.word_count;
    memcpy(options->words, parsing.words, sizeof parsing.words);
    bool alone = options->command == COMMAND_COMPLETION; /* a wrong hotrun.toml is none of its */
    if (alone || resolve(options, &parsing, err)) {
        return true;
    }
fail:
    options_finish(options);
    return false;
}

void options_finish(struct options *options)
{
    config_finish(&options->config);
    free(options->help);
    options->help = NULL;
}
