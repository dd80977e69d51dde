#define _GNU_SOURCE /* mkstemp */
#include "cli/state.h"

#include "base/file.h"
#include "base/path.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/help.h"
#include "cli/print.h"
#include "state/json.h"
#include "state/pointer.h"
#include "supervisor/run_dir.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INLINE_MOST ((size_t)100 << 10) /* bytes of a patch that goes through the socket */
#define PATCH_MOST  ((size_t)1 << 30)

static int get(const struct options *options, struct error *err)
{
    struct text value = {0};
    const char *pointer = options->word_count > 1 ? options->words[1] : "";
    if (!pointer_check(pointer, err)) {
        return STATUS_USAGE;
    }
    cJSON *params = cJSON_CreateObject();
    if (cJSON_AddStringToObject(params, "pointer", pointer) == NULL) {
        return ask_no_memory(params, err);
    }
    bool ok = client_call_text(options->config.run_dir, "state.get", params, CLIENT_TIMEOUT_NS,
                               &value, err) &&
              print_member(&value, options->json ? "" : "/value", err);
    cJSON_Delete(params);
    text_finish(&value);
    return ok ? 0 : STATUS_FAILED;
}

/* Appends an edit. `value` NULL: none. */
static bool add_edit(cJSON *edits, const char *op, const char *pointer, const char *name,
                     const char *value)
{
    cJSON *edit = cJSON_CreateObject();
    bool ok = cJSON_AddStringToObject(edit, "op", op) != NULL &&
              cJSON_AddStringToObject(edit, "pointer", pointer) != NULL &&
              (value == NULL || cJSON_AddStringToObject(edit, name, value) != NULL) &&
              cJSON_AddItemToArray(edits, edit);
    if (!ok) {
        cJSON_Delete(edit);
    }
    return ok;
}

/* For ever: the module may put it off, and the answer is its outcome. */
static int send_edits(const struct options *options, cJSON *params, struct error *err)
{
    return ask_print(options, "state.edit", params, 0, print_edited, err);
}

static int set(const struct options *options, struct error *err)
{
    struct error why;
    if (options->word_count % 2 == 0) {
        error_set(err, ERROR_USAGE,
                  "state set: expected pairs of a pointer and JSON: /player/x 1.5");
        return STATUS_USAGE;
    }
    for (unsigned i = 2; i < options->word_count; i += 2) {
        const char *json = options->words[i];
        if (!pointer_check(options->words[i - 1], err)) {
            return STATUS_USAGE;
        }
        if (!json_check(json, strlen(json), &why)) {
            error_set(err, ERROR_USAGE,
                      "state set: %.200s for %.200s is no JSON: %s; a text has quotes: '\"text\"'",
                      json, options->words[i - 1], why.text);
            return STATUS_USAGE;
        }
    }
    cJSON *params = cJSON_CreateObject();
    cJSON *edits = cJSON_AddArrayToObject(params, "edits");
    bool ok = edits != NULL;
    for (unsigned i = 1; ok && i < options->word_count; i += 2) {
        ok = add_edit(edits, "set", options->words[i], "json", options->words[i + 1]);
    }
    return ok ? send_edits(options, params, err) : ask_no_memory(params, err);
}

static int remove_values(const struct options *options, struct error *err)
{
    for (unsigned i = 1; i < options->word_count; i++) {
        if (!pointer_check(options->words[i], err)) {
            return STATUS_USAGE;
        }
    }
    cJSON *params = cJSON_CreateObject();
    cJSON *edits = cJSON_AddArrayToObject(params, "edits");
    bool ok = edits != NULL;
    for (unsigned i = 1; ok && i < options->word_count; i++) {
        ok = add_edit(edits, "remove", options->words[i], "json", NULL);
    }
    return ok ? send_edits(options, params, err) : ask_no_memory(params, err);
}

/* ---- merge ---- */

static bool read_patch(const char *file, struct text *patch, struct error *err)
{
    if (strcmp(file, "-") != 0) {
        return file_read(file, PATCH_MOST, patch, err);
    }
    char piece[65536];
    patch->limit = PATCH_MOST;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
        if (got == 0) {
            return true;
        }
        if (got < 0 && errno != EINTR) {
            return error_errno(err, "cannot read stdin");
        }
        if (got > 0 && !text_append(patch, piece, (size_t)got)) {
            return error_set(err, ERROR_LIMIT, "stdin has more than 1 GB, or memory is missing");
        }
    }
}

static const char *volatile aside_now; /* the signal handler's */

static void on_end(int signal)
{
    if (aside_now != NULL) {
        (void)unlink(aside_now);
    }
    (void)raise(signal); /* its handler was taken away: this ends the process, on return */
}

/* Who is tired of waiting leaves no file behind. */
static void remove_at_end(const char *path)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    aside_now = path;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction found, action = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
        if (sigaction(signals[i], NULL, &found) == 0 && found.sa_handler == SIG_DFL) {
            (void)sigaction(signals[i], &action, NULL);
        }
    }
}

/* A file in the run directory, which the running hotrun sees as well. NULL with `err`. Caller frees
 * and removes. */
static char *put_aside(const char *run_dir, const struct text *patch, struct error *err)
{
    char *path = path_join(run_dir, RUN_DIR_PATCH "XXXXXX");
    int fd = path == NULL ? -1 : mkstemp(path);
    if (fd >= 0) {
        remove_at_end(path);
    }
    if (fd >= 0 && file_write_all(fd, patch->data, patch->len)) {
        (void)close(fd);
        return path;
    }
    error_errno(err, "cannot put the patch into %s", run_dir);
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
        aside_now = NULL;
    }
    free(path);
    return NULL;
}

static int merge(const struct options *options, struct error *err)
{
    const char *file = options->words[1];
    struct text patch = {0};
    struct error why;
    if (!read_patch(file, &patch, err) || !json_check(text_string(&patch), patch.len, &why)) {
        if (err->code == ERROR_NONE) {
            error_set(err, ERROR_FORMAT, "%.200s is no JSON: %s",
                      strcmp(file, "-") == 0 ? "stdin" : file, why.text);
        }
        text_finish(&patch);
        return STATUS_FAILED;
    }
    char *aside = NULL;
    bool ok = patch.len <= INLINE_MOST ||
              (aside = put_aside(options->config.run_dir, &patch, err)) != NULL;
    int exit_status = STATUS_FAILED;
    if (ok) {
        cJSON *params = cJSON_CreateObject();
        cJSON *edits = cJSON_AddArrayToObject(params, "edits");
        ok = edits != NULL && add_edit(edits, "merge", "", aside != NULL ? "file" : "json",
                                       aside != NULL ? aside : text_string(&patch));
        exit_status = ok ? send_edits(options, params, err) : ask_no_memory(params, err);
    }
    if (aside != NULL) {
        (void)unlink(aside);
        aside_now = NULL;
        free(aside);
    }
    text_finish(&patch);
    return exit_status;
}

/* ---- layout ---- */

static void print_layout(const cJSON *result)
{
    const cJSON *layout = cJSON_GetObjectItemCaseSensitive(result, "layout");
    (void)fputs(cJSON_IsString(layout) ? layout->valuestring : "", stdout);
    (void)fflush(stdout);
}

static int layout(const struct options *options, struct error *err)
{
    struct text result = {0};
    cJSON *params = cJSON_CreateObject();
    if (cJSON_AddBoolToObject(params, "json", options->json) == NULL) {
        return ask_no_memory(params, err);
    }
    if (!options->json) {
        return ask_print(options, "state.layout", params, CLIENT_TIMEOUT_NS, print_layout, err);
    }
    bool ok = client_call_text(options->config.run_dir, "state.layout", params, CLIENT_TIMEOUT_NS,
                               &result, err) &&
              print_member(&result, "/layout", err);
    cJSON_Delete(params);
    text_finish(&result);
    return ok ? 0 : STATUS_FAILED;
}

/* ---- which ---- */

static const struct {
    const char *name;
    int (*act)(const struct options *, struct error *);
} acts[] = {{"get", get},     {"set", set},         {"remove", remove_values},
            {"merge", merge}, {"diff", state_diff}, {"layout", layout}};

int state_command(const struct options *options, struct log *log, struct error *err)
{
    const char *word = options->word_count > 0 ? options->words[0] : "";
    (void)log;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        const struct sub_row *row = sub_find(COMMAND_STATE, acts[i].name);
        if (strcmp(acts[i].name, word) != 0 || row == NULL) {
            continue;
        }
        unsigned words = options->word_count - 1;
        if (words < row->least || words > row->most) {
            error_set(err, ERROR_USAGE, "state %s: expected hotrun state %s%s%s", word, word,
                      row->usage[0] != '\0' ? " " : "", row->usage);
            return STATUS_USAGE;
        }
        return acts[i].act(options, err);
    }
    error_set(err, ERROR_USAGE,
              "state: expected get, set, remove, merge, diff or layout behind it%s%.100s%s",
              word[0] != '\0' ? ", found \"" : "", word, word[0] != '\0' ? "\"" : "");
    return STATUS_USAGE;
}
