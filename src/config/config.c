#include "config/config.h"

#include "base/file.h"
#include "base/path.h"
#include "base/suggest.h"
#include "base/text.h"
#include "config/keys.h"
#include "config/toml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME        "hotrun.toml"
#define FILE_SIZE_MOST   ((size_t)1 << 20)
#define CONFIG_JSON_MOST ((size_t)64 << 10)
#define PROBLEMS_MOST    10
#define KEYS_MOST        96
#define CONFIG_TABLE     "module.config"

/* A value as it stands in the rows' `fallback` or on the command line: TOML's spelling of plain
 * values. */
static void read_plain(const char *text, struct toml_value *value, char *string, size_t size)
{
    char *end = NULL;
    size_t len = strlen(text);
    *value = (struct toml_value){.kind = TOML_STRING, .string = text};
    double real = strtod(text, &end);
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        (void)snprintf(string, size, "%.*s", (int)(len - 2), text + 1);
        value->string = string;
    } else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        value->kind = TOML_BOOLEAN;
        value->boolean = text[0] == 't';
    } else if (strcmp(text, "[]") == 0 || strcmp(text, "{}") == 0) {
        value->kind = TOML_ARRAY;
    } else if (len > 0 && strspn(text, "+-.0123456789eE") == len && *end == '\0' &&
               isfinite(real)) {
        value->kind = strpbrk(text, ".eE") != NULL ? TOML_FLOAT : TOML_INTEGER;
        value->real = real;
        value->integer = value->kind == TOML_INTEGER ? strtoll(text, NULL, 10) : 0;
    }
}

bool config_init(struct config *config, struct error *err)
{
    *config = (struct config){.rate_hz = 60};
    for (size_t i = 0; i < key_row_count; i++) {
        struct toml_value value;
        char string[64];
        read_plain(key_rows[i].fallback, &value, string, sizeof string);
        if (!key_set(config, &key_rows[i], &value, err)) {
            config_finish(config);
            return false;
        }
    }
    /* Not a default of the file's: it says where it stands when nobody names a place. */
    free(config->run_dir);
    config->run_dir = NULL;
    config->module_config = strdup("{}");
    char *cwd = path_absolute(".");
    config->base_dir = cwd;
    if (config->module_config == NULL || cwd == NULL) {
        config_finish(config);
        return error_set(err, ERROR_SYSTEM, "no memory for the config");
    }
    return true;
}

void config_finish(struct config *config)
{
    for (size_t i = 0; i < key_row_count; i++) {
        enum key_type type = key_rows[i].type;
        if (type == KEY_TEXT || type == KEY_PATH) {
            char **at = (char **)(void *)((char *)config + key_rows[i].offset);
            free(*at);
            *at = NULL;
        } else if (key_is_list(type)) {
            char ***at = (char ***)(void *)((char *)config + key_rows[i].offset);
            for (size_t j = 0; *at != NULL && (*at)[j] != NULL; j++) {
                free((*at)[j]);
            }
            free(*at);
            *at = NULL;
        }
    }
    free(config->file);
    free(config->base_dir);
    free(config->module_config);
    config->file = config->base_dir = config->module_config = NULL;
}

struct problem {
    unsigned line, column;
    char sentence[512];
};

struct reading {
    struct config *config;
    char *json;                             /* [module.config], owned */
    struct problem problems[PROBLEMS_MOST]; /* by their place in the file */
    unsigned count;                         /* of all, also those that found no room */
};

/* toml++ hands values out by their names; a person reads problems from the top of the file. */
static void problem(struct reading *reading, unsigned line, unsigned column, const char *sentence)
{
    unsigned stored = reading->count < PROBLEMS_MOST ? reading->count : PROBLEMS_MOST;
    unsigned at = stored;
    reading->count++;
    while (at > 0 &&
           (reading->problems[at - 1].line > line || (reading->problems[at - 1].line == line &&
                                                      reading->problems[at - 1].column > column))) {
        at--;
    }
    if (at == PROBLEMS_MOST) {
        return;
    }
    unsigned moved = (stored < PROBLEMS_MOST ? stored : PROBLEMS_MOST - 1) - at;
    memmove(&reading->problems[at + 1], &reading->problems[at], moved * sizeof(struct problem));
    reading->problems[at] = (struct problem){.line = line, .column = column};
    (void)snprintf(reading->problems[at].sentence, sizeof reading->problems[at].sentence, "%s",
                   sentence);
}

/* As many as the error has room for: the first ones, whole. */
static bool tell_problems(const struct reading *reading, const char *path, struct error *err)
{
    struct text text = {0};
    unsigned stored = reading->count < PROBLEMS_MOST ? reading->count : PROBLEMS_MOST;
    unsigned told = 0;
    char *shown = path_short(path);
    while (told < stored) {
        const struct problem *found = &reading->problems[told];
        if (!text_printf(&text, "%s%s:%u:%u: %s", told > 0 ? "\n" : "",
                         shown != NULL ? shown : path, found->line, found->column,
                         found->sentence)) {
            break;
        }
        told++;
        text.limit = sizeof err->text - sizeof "\nand 4294967295 more";
    }
    text.limit = 0;
    text.failed = false;
    if (reading->count > told) {
        text_printf(&text, "%sand %u more", told > 0 ? "\n" : "", reading->count - told);
    }
    error_set(err, ERROR_CONFIG, "%s", text_string(&text));
    text_finish(&text);
    free(shown);
    return false;
}

static bool is_table(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < key_row_count; i++) {
        if (strncmp(key_rows[i].key, key, len) == 0 && key_rows[i].key[len] == '.') {
            return true;
        }
    }
    return false;
}

/* The known key that `key` stands for: the nearest name in its table, else in any table. */
static const char *nearest_key(const char *key)
{
    const char *names[KEYS_MOST];
    const char *keys[KEYS_MOST];
    const char *dot = strrchr(key, '.');
    const char *name = dot != NULL ? dot + 1 : key;
    size_t table = (size_t)(name - key);
    for (int any = 0; any < 2; any++) {
        size_t count = 0;
        for (size_t i = 0; i <= key_row_count; i++) {
            const char *known = i < key_row_count ? key_rows[i].key : CONFIG_TABLE;
            if (any || strncmp(known, key, table) == 0) {
                keys[count] = known;
                names[count++] = strchr(known, '.') + 1;
            }
        }
        const char *near = suggest(name, names, count);
        for (size_t i = 0; near != NULL && i < count; i++) {
            if (names[i] == near) {
                return keys[i];
            }
        }
    }
    return NULL;
}

static const char *nearest_table(const char *key, char *tables, size_t size)
{
    const char *words[KEYS_MOST];
    size_t count = 0;
    for (size_t i = 0, used = 0; i < key_row_count; i++) {
        size_t len = strcspn(key_rows[i].key, ".");
        if (count == 0 || strncmp(words[count - 1], key_rows[i].key, len) != 0) {
            (void)snprintf(tables + used, size - used, "%.*s", (int)len, key_rows[i].key);
            words[count++] = tables + used;
            used += len + 1;
        }
    }
    words[count++] = CONFIG_TABLE;
    return strcmp(key, "config") == 0 ? CONFIG_TABLE : suggest(key, words, count);
}

static void unknown(struct reading *reading, const struct toml_value *value)
{
    char tables[256];
    char key[100];
    char sentence[512];
    bool table = value->kind == TOML_TABLE;
    const char *near =
        table ? nearest_table(value->key, tables, sizeof tables) : nearest_key(value->key);
    key_excerpt(value->key, key, sizeof key);
    (void)snprintf(sentence, sizeof sentence, "unknown %s %s%s%s%s", table ? "table" : "key", key,
                   near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                   near != NULL ? "?" : "; hotrun.toml.example has them all");
    problem(reading, value->line, value->column, sentence);
}

static void visit_module_config(struct reading *reading, const struct toml_value *value)
{
    if (value->kind != TOML_TABLE) {
        problem(reading, value->line, value->column,
                CONFIG_TABLE ": expected a table of values for the module");
    } else if (strlen(value->string) > CONFIG_JSON_MOST) {
        problem(reading, value->line, value->column,
                CONFIG_TABLE ": expected at most 64 KB as JSON; let the module read a file itself");
    } else if ((reading->json = strdup(value->string)) == NULL) {
        problem(reading, value->line, value->column, CONFIG_TABLE ": no memory");
    }
}

/* The row of a table of strings that `key` is in. */
static const struct key_row *find_table(const char *key)
{
    for (size_t i = 0; i < key_row_count; i++) {
        size_t len = strlen(key_rows[i].key);
        if (key_rows[i].type == KEY_ENV && strncmp(key_rows[i].key, key, len) == 0 &&
            key[len] == '.') {
            return &key_rows[i];
        }
    }
    return NULL;
}

static bool visit(void *ctx, const struct toml_value *value)
{
    struct reading *reading = ctx;
    struct error err;
    const struct key_row *row = key_find(value->key);
    const struct key_row *table = row == NULL ? find_table(value->key) : NULL;
    if (row != NULL && row->type == KEY_ENV && value->kind == TOML_TABLE) {
        return true;
    }
    if (table != NULL) {
        if (!key_add(reading->config, table, value, &err)) {
            problem(reading, value->line, value->column, err.text);
        }
        return false;
    }
    if (strcmp(value->key, CONFIG_TABLE) == 0) {
        visit_module_config(reading, value);
    } else if (row == NULL && is_table(value->key)) {
        if (value->kind == TOML_TABLE) {
            return true;
        }
        (void)error_set(&err, ERROR_CONFIG, "%s: expected a table, [%s]", value->key, value->key);
        problem(reading, value->line, value->column, err.text);
    } else if (row == NULL) {
        unknown(reading, value);
    } else if (!key_set(reading->config, row, value, &err)) {
        problem(reading, value->line, value->column, err.text);
    }
    return false;
}

static bool adopt_file(struct config *config, const char *path, struct error *err)
{
    char *file = path_absolute(path);
    char *dir = file == NULL ? NULL : path_dir(file);
    if (dir == NULL) {
        free(file);
        return error_set(err, ERROR_SYSTEM, "no memory for a path");
    }
    free(config->file);
    free(config->base_dir);
    config->file = file;
    config->base_dir = dir;
    return true;
}

bool config_load(struct config *config, const char *path, struct error *err)
{
    struct text text = {0};
    struct toml_problem trouble = {0};
    struct reading reading = {.config = config};
    bool ok = false;
    if (!file_read(path, FILE_SIZE_MOST, &text, err)) {
        if (err != NULL) {
            err->code = ERROR_CONFIG;
        }
        goto out;
    }
    if (!toml_read(text_string(&text), text.len, CONFIG_TABLE, visit, &reading, &trouble)) {
        problem(&reading, trouble.line, trouble.column, trouble.text);
    }
    ok = reading.count > 0 ? tell_problems(&reading, path, err) : adopt_file(config, path, err);
    if (ok && reading.json != NULL) {
        free(config->module_config);
        config->module_config = reading.json;
        reading.json = NULL;
    }
out:
    free(reading.json);
    text_finish(&text);
    return ok;
}

bool config_find(const char *dir, char **file, struct error *err)
{
    char *at = path_absolute(dir);
    *file = NULL;
    while (at != NULL) {
        char *found = path_join(at, FILE_NAME);
        if (found != NULL && access(found, F_OK) == 0) {
            free(at);
            *file = found;
            return true;
        }
        bool last = found != NULL && strcmp(at, "/") == 0;
        char *parent = found == NULL || last ? NULL : path_dir(at);
        free(found);
        free(at);
        if (last) {
            return true;
        }
        at = parent;
    }
    return error_set(err, ERROR_SYSTEM, "no memory to look for " FILE_NAME);
}

bool config_set(struct config *config, const char *key, const char *value, const char *option,
                struct error *err)
{
    const struct key_row *row = key_find(key);
    struct toml_value read;
    struct error why;
    char unquoted[4096];
    if (row == NULL) {
        return error_set(err, ERROR_INTERNAL, "%s: there is no key %s", option, key);
    }
    if (row->type == KEY_TEXT || row->type == KEY_PATH) {
        read = (struct toml_value){.kind = TOML_STRING, .string = value};
    } else {
        read_plain(value, &read, unquoted, sizeof unquoted);
    }
    if (key_set(config, row, &read, &why)) {
        return true;
    }
    if (why.code == ERROR_SYSTEM) {
        return error_set(err, ERROR_SYSTEM, "%s", why.text);
    }
    /* The option is what was typed: it takes the key's place in the sentence. */
    const char *rest = strchr(why.text, ':');
    return error_set(err, ERROR_USAGE, "%s%s", option, rest != NULL ? rest : "");
}

size_t config_key_count(void)
{
    return key_row_count;
}

struct config_key config_key_at(size_t index)
{
    const struct key_row *row = &key_rows[index];
    return (struct config_key){row->key, key_expects(row), row->fallback, row->help};
}
