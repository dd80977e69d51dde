#include "config/keys.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct config, member)
#define DAY_MS     86400000.0
#define KIB        1024.0

const struct key_row key_rows[] = {
    {"module.path", KEY_PATH, AT(module_path), 0, 0, "\"\"", "the library to run"},
    {"module.name", KEY_TEXT, AT(module_name), 0, 0, "\"\"",
     "the library by name: libNAME.so in module.dir, instead of module.path"},
    {"module.dir", KEY_PATH, AT(module_dir), 0, 0, "\".\"", "the folder of module.name"},
    {"module.args", KEY_WORDS, AT(args), 0, 0, "[]",
     "arguments for the module; on the command line: behind --"},
    {"module.allow_writable", KEY_BOOL, AT(allow_writable), 0, 0, "false",
     "true: load a library that every user may write"},
    {"step.rate", KEY_RATE, AT(rate), 0.001, 1e6, "60",
     "steps a second, \"max\" (as fast as possible) or \"once\" (one step a generation)"},
    {"step.max_dt", KEY_TIME, AT(max_dt_ns), 1, DAY_MS, "\"250ms\"",
     "the longest time that a step is told has passed"},
    {"reload.defer_limit", KEY_TIME, AT(defer_limit_ns), 0, DAY_MS, "\"2s\"",
     "how long a module may put a reload off before that is told"},
    {"state.on_mismatch", KEY_MISMATCH, AT(on_mismatch), 0, 0, "\"refuse\"",
     "when the state does not fit the new code: \"refuse\" the code or \"reset\" the state"},
    {"state.on_loss", KEY_LOSS, AT(on_loss), 0, 0, "\"warn\"",
     "when a value does not fit the new layout: \"warn\" and take the nearest, or \"hold\""},
    {"state.statics", KEY_BOOL, AT(statics), 0, 0, "false",
     "true: global and static variables of the module are state, too (needs debug info)"},
    {"state.max_json", KEY_SIZE, AT(state_max_json), 1, 4 * KIB *KIB *KIB, "\"256MB\"",
     "the longest JSON that serialize may write"},
    {"state.max_size", KEY_SIZE, AT(state_max_size), 0, 16 * KIB *KIB *KIB, "\"1GB\"",
     "the largest state in memory"},
    {"state.pin_limit", KEY_SIZE, AT(pin_limit), 0, 4 * KIB *KIB *KIB, "\"64MB\"",
     "a state without serialize is copied before a swap up to this size"},
    {"checkpoint.interval", KEY_TIME, AT(checkpoint_ns), 0, DAY_MS, "\"1s\"",
     "a snapshot in memory this often while steps are made; 0: only at swaps and on request"},
    {"checkpoint.durable_interval", KEY_TIME, AT(durable_ns), 0, DAY_MS, "\"10s\"",
     "the newest one goes to disk this often; 0: only at the end and on request"},
    {"checkpoint.history", KEY_SMALL, AT(history), 1, 1000, "16",
     "how many snapshots stay in snapshots/"},
    {"build.command", KEY_TEXT, AT(build_command), 0, 0, "\"\"",
     "a shell command that builds the library, run when a source is saved"},
    {"build.sources", KEY_PATHS, AT(build_sources), 0, 0, "[]",
     "C or C++ files that hotrun compiles itself, instead of build.command and module.path"},
    {"build.cc", KEY_TEXT, AT(build_cc), 0, 0, "\"\"", "the compiler for build.sources"},
    {"build.cflags", KEY_TEXT, AT(build_cflags), 0, 0, "\"\"", "options for it"},
    {"build.libs", KEY_TEXT, AT(build_libs), 0, 0, "\"\"", "what its linker is told besides"},
    {"build.pkg_config", KEY_TEXT, AT(build_pkg_config), 0, 0, "\"\"",
     "packages whose options pkg-config knows"},
    {"build.linker", KEY_TEXT, AT(build_linker), 0, 0, "\"\"",
     "mold, lld, gold or bfd; empty: the fastest that is there"},
    {"build.watch", KEY_WORDS, AT(build_watch), 0, 0, "[]",
     "folders and patterns whose files are sources; empty: sources of any kind here and below"},
    {"build.ignore", KEY_WORDS, AT(build_ignore), 0, 0, "[]", "patterns of what is no source"},
    {"build.gitignore", KEY_BOOL, AT(build_gitignore), 0, 0, "true",
     "what .gitignore names is no source"},
    {"build.on_change", KEY_CHANGE, AT(on_change), 0, 0, "\"restart\"",
     "a save while the build runs: \"restart\" it or \"queue\" another one"},
    {"build.at_start", KEY_START, AT(at_start), 0, 0, "\"needed\"",
     "build first: \"needed\" (no library, or an older one), \"always\" or \"never\""},
    {"build.timeout", KEY_TIME, AT(build_timeout_ns), 0, DAY_MS, "\"10min\"",
     "a build is ended after this long; 0: never"},
    {"build.env", KEY_ENV, AT(build_env), 0, 0, "{}", "variables for the build's environment"},
    {"watch.enabled", KEY_BOOL, AT(watch), 0, 0, "true", "false: only `hotrun reload` reloads"},
    {"watch.settle_ms", KEY_MS, AT(settle_ns), 0, 60000, "0",
     "wait until nothing happened to the library for this long"},
    {"watch.poll_ms", KEY_MS, AT(poll_ns), 0, 3600000, "1000",
     "look at the library this often, in case no event comes; 0: never"},
    {"stage.dir", KEY_PATH, AT(stage_dir), 0, 0, "\"\"",
     "where private copies go; empty: stage/ in the run directory"},
    {"stage.name", KEY_TEXT, AT(stage_name), 0, 0, "\"{name}-{pid}-{generation}.so\"",
     "how copies are called: {name}, {pid}, {generation}"},
    {"supervise.probation", KEY_TIME, AT(probation_ns), 0, DAY_MS, "\"500ms\"",
     "a crash within this time after a reload means: back to the old code"},
    {"supervise.probation_steps", KEY_COUNT, AT(probation_steps), 0, 1e9, "2",
     "and at least this many steps"},
    {"supervise.max_restarts", KEY_SMALL, AT(max_restarts), 0, 16, "3",
     "restarts of crashed code within supervise.window; then hotrun holds"},
    {"supervise.window", KEY_TIME, AT(window_ns), 1, DAY_MS, "\"10s\"",
     "the time for max_restarts"},
    {"supervise.on_hold", KEY_HOLD, AT(on_hold), 0, 0, "\"wait\"",
     "when nothing can be run: \"wait\" for a changed library or \"exit\""},
    {"supervise.spare", KEY_BOOL, AT(spare), 0, 0, "true",
     "a second host waits, started, to take over at once when the first one dies"},
    {"supervise.hang_timeout", KEY_TIME, AT(hang_timeout_ns), 0, DAY_MS, "\"5s\"",
     "a call that is busy for this long is ended as a crash; 0: never"},
    {"supervise.blocked_timeout", KEY_TIME, AT(blocked_timeout_ns), 0, DAY_MS, "0",
     "a call that waits in the system for this long is ended, too; 0: never, it is only told"},
    {"supervise.start_timeout", KEY_TIME, AT(start_timeout_ns), 0, DAY_MS, "\"30s\"",
     "loading and init are killed after this long; 0: never"},
    {"supervise.stop_timeout", KEY_TIME, AT(stop_timeout_ns), 0, DAY_MS, "\"2s\"",
     "how long the module may take to end"},
    {"run.name", KEY_TEXT, AT(name), 0, 0, "\"\"",
     "a run directory of its own, .hotrun/NAME, for several runs in one folder"},
    {"run.dir", KEY_PATH, AT(run_dir), 0, 0, "\".hotrun\"", "the run directory"},
    {"run.resume", KEY_BOOL, AT(resume), 0, 0, "false",
     "go on from the newest snapshot of an earlier run"},
    {"run.restore", KEY_PATH, AT(restore), 0, 0, "\"\"", "go on from this snapshot file"},
    {"run.wrap", KEY_TEXT, AT(wrap), 0, 0, "\"\"", "a command that starts the host: 'gdb --args'"},
    {"terminal.keys", KEY_KEYS, AT(keys), 0, 0, "\"auto\"",
     "keys that steer hotrun: \"on\", \"off\", or \"auto\": where the module does not read the "
     "terminal"},
    {"terminal.status_line", KEY_BOOL, AT(status_line), 0, 0, "true",
     "how things stand, in the terminal's last line"},
    {"log.level", KEY_LEVEL, AT(log_level), 0, 0, "\"info\"", "trace, debug, info, warn or error"},
    {"log.color", KEY_BOOL, AT(color), 0, 0, "true", "colours, when stderr is a terminal"},
    {"log.events", KEY_PATH, AT(events_file), 0, 0, "\"\"",
     "a file for events, one JSON object a line; \"-\": stdout"},
};
const size_t key_row_count = sizeof key_rows / sizeof key_rows[0];

const struct key_row *key_find(const char *key)
{
    for (size_t i = 0; i < key_row_count; i++) {
        if (strcmp(key_rows[i].key, key) == 0) {
            return &key_rows[i];
        }
    }
    return NULL;
}

const char *key_expects(const struct key_row *row)
{
    static const char *const words[] = {[KEY_TEXT] = "a string",
                                        [KEY_PATH] = "a path in quotes",
                                        [KEY_BOOL] = "true or false",
                                        [KEY_COUNT] = "a whole number",
                                        [KEY_SMALL] = "a whole number",
                                        [KEY_MS] = "a whole number of milliseconds",
                                        [KEY_TIME] = "a number of milliseconds, or a time such as "
                                                     "\"2s\" or \"500ms\"",
                                        [KEY_SIZE] = "a whole number of bytes, or a size such as "
                                                     "\"64MB\" (KB is 1000, KiB is 1024)",
                                        [KEY_RATE] = "steps a second, \"max\" or \"once\"",
                                        [KEY_MISMATCH] = "\"refuse\" or \"reset\"",
                                        [KEY_LOSS] = "\"warn\" or \"hold\"",
                                        [KEY_HOLD] = "\"wait\" or \"exit\"",
                                        [KEY_CHANGE] = "\"restart\" or \"queue\"",
                                        [KEY_START] = "\"needed\", \"always\" or \"never\"",
                                        [KEY_KEYS] = "\"auto\", \"on\" or \"off\"",
                                        [KEY_LEVEL] = "trace, debug, info, warn or error",
                                        [KEY_WORDS] = "an array of strings",
                                        [KEY_PATHS] = "an array of paths",
                                        [KEY_ENV] = "a table of strings"};
    return words[row->type];
}

bool key_is_list(enum key_type type)
{
    return type == KEY_WORDS || type == KEY_PATHS || type == KEY_ENV;
}

void key_excerpt(const char *text, char *out, size_t size)
{
    size_t len = strnlen(text, size);
    bool cut = len == size;
    if (cut) {
        len = size - sizeof "...";
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    }
    (void)snprintf(out + len, size - len, "%s", cut ? "..." : "");
}

static void describe(const struct toml_value *value, char *text, size_t size)
{
    char excerpt[80];
    switch (value->kind) {
    case TOML_STRING:
        key_excerpt(value->string, excerpt, sizeof excerpt);
        (void)snprintf(text, size, "\"%s\"", excerpt);
        break;
    case TOML_INTEGER:
        (void)snprintf(text, size, "%lld", (long long)value->integer);
        break;
    case TOML_FLOAT:
        (void)snprintf(excerpt, sizeof excerpt, "%.15g", value->real);
        (void)snprintf(text, size, "%s%s", excerpt,
                       isfinite(value->real) && strpbrk(excerpt, ".e") == NULL ? ".0" : "");
        break;
    case TOML_BOOLEAN:
        (void)snprintf(text, size, "%s", value->boolean ? "true" : "false");
        break;
    case TOML_ARRAY:
        (void)snprintf(text, size, "%s",
                       value->count < 0 ? "an array of other things" : "an array");
        break;
    case TOML_TABLE:
        (void)snprintf(text, size, "a table");
        break;
    case TOML_DATE:
        (void)snprintf(text, size, "a date or time");
        break;
    }
}

static bool wrong(const struct key_row *row, const struct toml_value *value, struct error *err)
{
    char found[128];
    describe(value, found, sizeof found);
    return error_set(err, ERROR_CONFIG, "%s: expected %s, found %s", row->key, key_expects(row),
                     found);
}

struct unit {
    const char *word;
    double factor;
};

/* "1.5s", "64 MB": a number and a unit. */
static bool with_unit(const char *text, const struct unit *units, size_t count, double *number)
{
    char *end = NULL;
    double amount = strtod(text, &end);
    if (strspn(text, "+-.0123456789eE") < (size_t)(end - text) || end == text ||
        !isfinite(amount)) { /* strtod takes white space, hexadecimal numbers and "inf" as well */
        return false;
    }
    while (*end == ' ') {
        end++;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(end, units[i].word) == 0) {
            *number = amount * units[i].factor;
            return true;
        }
    }
    return false;
}

/* The value as a number in the row's unit. */
static bool to_number(const struct key_row *row, const struct toml_value *value, double *number)
{
    static const struct unit times[] = {
        {"us", 0.001}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
    static const struct unit sizes[] = {{"B", 1},
                                        {"KB", 1e3},
                                        {"MB", 1e6},
                                        {"GB", 1e9},
                                        {"KiB", KIB},
                                        {"MiB", KIB * KIB},
                                        {"GiB", KIB * KIB * KIB}};
    if (value->kind == TOML_INTEGER || value->kind == TOML_FLOAT) {
        *number = value->real;
        bool whole = row->type == KEY_TIME || row->type == KEY_RATE || value->kind == TOML_INTEGER;
        return isfinite(*number) && whole;
    }
    if (value->kind != TOML_STRING) {
        return false;
    }
    if (row->type == KEY_TIME) {
        return with_unit(value->string, times, sizeof times / sizeof times[0], number);
    }
    return row->type == KEY_SIZE &&
           with_unit(value->string, sizes, sizeof sizes / sizeof sizes[0], number);
}

static bool set_number(void *at, const struct key_row *row, const struct toml_value *value,
                       struct error *err)
{
    double number = 0;
    if (!to_number(row, value, &number)) {
        return wrong(row, value, err);
    }
    if (number < row->least || number > row->most) {
        char found[128];
        const char *unit = row->type == KEY_MS || row->type == KEY_TIME ? " ms"
                           : row->type == KEY_SIZE                      ? " bytes"
                                                                        : "";
        describe(value, found, sizeof found);
        return error_set(err, ERROR_CONFIG, "%s: expected %.15g to %.15g%s, found %s", row->key,
                         row->least, row->most, unit, found);
    }
    if (row->type == KEY_SMALL) {
        *(unsigned *)at = (unsigned)number;
    } else if (row->type == KEY_MS || row->type == KEY_TIME) {
        *(uint64_t *)at = (uint64_t)(number * (double)NS_PER_MS);
    } else {
        *(uint64_t *)at = (uint64_t)number;
    }
    return true;
}

static bool set_text(char **at, const struct key_row *row, const struct toml_value *value,
                     struct error *err)
{
    if (value->kind != TOML_STRING) {
        return wrong(row, value, err);
    }
    char *copy = value->string[0] == '\0' ? NULL : strdup(value->string);
    if (value->string[0] != '\0' && copy == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for %s", row->key);
    }
    free(*at);
    *at = copy;
    return true;
}

static bool set_rate(struct config *config, const struct key_row *row,
                     const struct toml_value *value, struct error *err)
{
    if (value->kind == TOML_STRING && strcmp(value->string, "max") == 0) {
        config->rate = RATE_MAX;
        return true;
    }
    if (value->kind == TOML_STRING && strcmp(value->string, "once") == 0) {
        config->rate = RATE_ONCE;
        return true;
    }
    if (value->kind != TOML_INTEGER && value->kind != TOML_FLOAT) {
        return wrong(row, value, err);
    }
    if (!(value->real >= row->least && value->real <= row->most)) {
        return error_set(err, ERROR_CONFIG, "%s: expected %g to %.0f steps a second, found %g",
                         row->key, row->least, row->most, value->real);
    }
    config->rate = RATE_HZ;
    config->rate_hz = value->real;
    return true;
}

static bool set_words(char ***at, const struct key_row *row, const struct toml_value *value,
                      struct error *err)
{
    if (value->kind != TOML_ARRAY || value->count < 0) {
        return wrong(row, value, err);
    }
    char **words = calloc((size_t)value->count + 1, sizeof *words);
    bool ok = words != NULL;
    for (long i = 0; ok && i < value->count; i++) {
        words[i] = strdup(value->strings[i]);
        ok = words[i] != NULL;
    }
    char **gone = ok ? *at : words;
    if (ok) {
        *at = words;
    }
    for (size_t i = 0; gone != NULL && gone[i] != NULL; i++) {
        free(gone[i]);
    }
    free(gone);
    return ok || error_set(err, ERROR_SYSTEM, "no memory for %s", row->key);
}

bool key_add(struct config *config, const struct key_row *row, const struct toml_value *value,
             struct error *err)
{
    char ***at = (char ***)(void *)((char *)config + row->offset);
    const char *name = value->key + strlen(row->key) + 1;
    size_t count = 0;
    char *word = NULL;
    if (value->kind != TOML_STRING || strpbrk(name, "=\"'") != NULL) {
        char found[128];
        describe(value, found, sizeof found);
        return error_set(err, ERROR_CONFIG, "%s: expected NAME = \"value\", found %s", row->key,
                         found);
    }
    while ((*at)[count] != NULL) {
        count++;
    }
    char **more = realloc(*at, (count + 2) * sizeof *more);
    size_t size = strlen(name) + strlen(value->string) + 2;
    *at = more != NULL ? more : *at;
    word = more != NULL ? malloc(size) : NULL;
    if (word == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for %s", row->key);
    }
    (void)snprintf(word, size, "%s=%s", name, value->string);
    more[count] = word;
    more[count + 1] = NULL;
    return true;
}

/* One of a few words, as an enum whose values are their places. */
static bool set_choice(unsigned *at, const struct key_row *row, const struct toml_value *value,
                       struct error *err)
{
    static const char *const words[][3] = {[KEY_MISMATCH] = {"refuse", "reset"},
                                           [KEY_LOSS] = {"warn", "hold"},
                                           [KEY_HOLD] = {"wait", "exit"},
                                           [KEY_CHANGE] = {"restart", "queue"},
                                           [KEY_START] = {"needed", "always", "never"},
                                           [KEY_KEYS] = {"auto", "on", "off"}};
    for (unsigned i = 0; value->kind == TOML_STRING && i < 3; i++) {
        const char *word = words[row->type][i];
        if (word != NULL && strcmp(value->string, word) == 0) {
            *at = i;
            return true;
        }
    }
    return wrong(row, value, err);
}

bool key_set(struct config *config, const struct key_row *row, const struct toml_value *value,
             struct error *err)
{
    void *at = (char *)config + row->offset;
    bool text = value->kind == TOML_STRING;
    switch (row->type) {
    case KEY_TEXT:
    case KEY_PATH:
        return set_text(at, row, value, err);
    case KEY_BOOL:
        if (value->kind != TOML_BOOLEAN) {
            return wrong(row, value, err);
        }
        *(bool *)at = value->boolean;
        return true;
    case KEY_RATE:
        return set_rate(config, row, value, err);
    case KEY_MISMATCH:
    case KEY_LOSS:
    case KEY_HOLD:
    case KEY_CHANGE:
    case KEY_START:
    case KEY_KEYS:
        return set_choice(at, row, value, err);
    case KEY_LEVEL:
        return (text && log_level_parse(value->string, &config->log_level)) ||
               wrong(row, value, err);
    case KEY_WORDS:
    case KEY_PATHS:
        return set_words(at, row, value, err);
    case KEY_ENV: /* its strings come one by one, over the empty default */
        return *(char ***)at == NULL ? set_words(at, row, value, err) : wrong(row, value, err);
    case KEY_COUNT:
    case KEY_SMALL:
    case KEY_MS:
    case KEY_TIME:
    case KEY_SIZE:
        break;
    }
    return set_number(at, row, value, err);
}
