#include "cli/mistakes.h"

#include "base/suggest.h"
#include "base/text.h"
#include "cli/help.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MOST 64

/* "run, check and status": the commands of a set. */
static void list_commands(struct text *text, unsigned commands)
{
    size_t left = 0;
    for (size_t i = 0; i < command_row_count; i++) {
        left += (commands & 1U << command_rows[i].command) != 0;
    }
    for (size_t i = 0; i < command_row_count; i++) {
        if ((commands & 1U << command_rows[i].command) != 0) {
            left--;
            text_printf(text, "%s%s", command_rows[i].name,
                        left == 0   ? ""
                        : left == 1 ? " and "
                                    : ", ");
        }
    }
}

static bool unknown_command(const char *word, struct error *err)
{
    const char *names[NAMES_MOST] = {"--help", "--version"};
    size_t count = 2;
    struct text known = {0};
    for (size_t i = 0; i < command_row_count; i++) {
        names[count++] = command_rows[i].name;
    }
    list_commands(&known, ~0U);
    const char *near = suggest(word, names, count);
    error_set(err, ERROR_USAGE,
              "unknown command %.100s%s%s%s commands are %s; a library is named by its file "
              "(./%.100s)",
              word, near != NULL ? "; did you mean " : ":", near != NULL ? near : "",
              near != NULL ? "?" : "", text_string(&known), word);
    text_finish(&known);
    return false;
}

/* A word that is no path and no file either is most likely a mistyped command; where no command can
 * stand it is asked to be written as a path, so that nobody waits for a library called "status". */
bool mistake_library(const char *word, bool first, struct error *err)
{
    if (strchr(word, '/') != NULL || strchr(word, '.') != NULL || access(word, F_OK) == 0) {
        return true;
    }
    if (word[0] == '\0') {
        return error_set(err, ERROR_USAGE, "expected a library, found an empty word");
    }
    if (first) {
        return unknown_command(word, err);
    }
    if (command_find(word) != NULL) {
        return error_set(err, ERROR_USAGE,
                         "the command stands first: hotrun %s [OPTIONS]; a library of this name is "
                         "./%s",
                         word, word);
    }
    return error_set(err, ERROR_USAGE,
                     "%.100s: there is no such file here; ./%.100s names a library that is still "
                     "to be built",
                     word, word);
}

bool mistake_option(const char *word, enum command command, struct error *err)
{
    const char *names[NAMES_MOST];
    char spelled[NAMES_MOST][24];
    char name[64];
    size_t count = 0;
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        bool here = (row->commands & 1U << command) != 0;
        if (strncmp(name, "--", 2) == 0 && strcmp(row->name, name + 2) == 0) {
            struct text others = {0};
            list_commands(&others, row->commands);
            error_set(err, ERROR_USAGE,
                      here ? "--%s takes no value" : "--%s is no option of hotrun %s, but of %s",
                      row->name, command_row(command)->name, text_string(&others));
            text_finish(&others);
            return false;
        }
        if (here) {
            (void)snprintf(spelled[count], sizeof spelled[count], "--%s", row->name);
            names[count] = spelled[count];
            count++;
        }
    }
    const char *near = suggest(name, names, count);
    return error_set(err, ERROR_USAGE, "unknown option %.100s%s%s%s hotrun%s%s --help lists them",
                     word, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                     near != NULL ? "?" : ";", command == COMMAND_RUN ? "" : " ",
                     command == COMMAND_RUN ? "" : command_row(command)->name);
}
