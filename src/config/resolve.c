#define _GNU_SOURCE /* asprintf */
#include "base/path.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_SIZE_MOST ((size_t)48 << 10)

/* Replaces *path by one that starts at `base`. */
static bool from(const char *base, char **path, struct error *err)
{
    if (*path == NULL) {
        return true;
    }
    char *joined = path_join(base, *path);
    char *full = joined == NULL ? NULL : path_absolute(joined);
    free(joined);
    if (full == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for a path");
    }
    free(*path);
    *path = full;
    return true;
}

static bool from_each(const char *base, char **paths, struct error *err)
{
    for (size_t i = 0; paths[i] != NULL; i++) {
        if (!from(base, &paths[i], err)) {
            return false;
        }
    }
    return true;
}

bool config_is_source(const char *path)
{
    static const char *const ends[] = {".c", ".cc", ".cpp", ".cxx", ".c++", ".C"};
    const char *dot = strrchr(path_base(path), '.');
    for (size_t i = 0; dot != NULL && i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(dot, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* What hotrun compiles itself lies in the run directory, named after the first source. */
static bool resolve_sources(struct config *config, struct error *err)
{
    if (config->build_sources[0] == NULL) {
        return true;
    }
    if (config->build_command != NULL) {
        return error_set(err, ERROR_CONFIG,
                         "build.sources and build.command are two ways to build: leave one out");
    }
    if (config->module_path != NULL || config->module_name != NULL) {
        return error_set(err, ERROR_CONFIG,
                         "build.sources: hotrun compiles them into its run directory: leave "
                         "module.%s out",
                         config->module_path != NULL ? "path" : "name");
    }
    for (size_t i = 0; config->build_sources[i] != NULL; i++) {
        if (!config_is_source(config->build_sources[i])) {
            return error_set(err, ERROR_CONFIG,
                             "build.sources: expected C or C++ files (.c, .cc, .cpp, .cxx), found "
                             "\"%.200s\"",
                             config->build_sources[i]);
        }
    }
    const char *name = path_base(config->build_sources[0]);
    if (asprintf(&config->module_path, "%s/build/%.*s.so", config->run_dir, (int)strcspn(name, "."),
                 name) < 0) {
        config->module_path = NULL;
        return error_set(err, ERROR_SYSTEM, "no memory for a path");
    }
    return true;
}

static bool resolve_library(struct config *config, struct error *err)
{
    if (config->module_path == NULL && config->module_name != NULL) {
        if (strchr(config->module_name, '/') != NULL) {
            return error_set(err, ERROR_CONFIG,
                             "module.name: expected a name without '/', found \"%s\" (a path is "
                             "module.path)",
                             config->module_name);
        }
        const char *dir = config->module_dir != NULL ? config->module_dir : ".";
        if (asprintf(&config->module_path, "%s/lib%s.so", dir, config->module_name) < 0) {
            config->module_path = NULL;
            return error_set(err, ERROR_SYSTEM, "no memory for a path");
        }
    }
    if (config->module_path == NULL) {
        return error_set(
            err, ERROR_USAGE,
            config->file != NULL
                ? "%s names no library: set module.path or build.sources, or type `hotrun LIB`"
                : "no library is named, and there is no hotrun.toml here or in a "
                  "parent folder: type `hotrun ./libNAME.so` or `hotrun NAME.c`%s",
            config->file != NULL ? config->file : "");
    }
    return true;
}

static bool check_stage_name(const struct config *config, struct error *err)
{
    const char *name = config->stage_name;
    if (name == NULL || strchr(name, '/') != NULL || strlen(name) > 128) {
        return error_set(err, ERROR_CONFIG,
                         "stage.name: expected a file name of 1 to 128 bytes without '/', found "
                         "\"%.80s\" (folders go into stage.dir)",
                         name == NULL ? "" : name);
    }
    if (strstr(name, "{generation}") == NULL) {
        return error_set(err, ERROR_CONFIG,
                         "stage.name: \"%s\" would not be unique: it must contain {generation}",
                         name);
    }
    if (config->stage_dir != NULL && strstr(name, "{pid}") == NULL) {
        return error_set(
            err, ERROR_CONFIG,
            "stage.name: \"%s\" would not be unique in stage.dir, where another hotrun "
            "may put its copies: it must contain {pid}",
            name);
    }
    for (const char *at = strchr(name, '{'); at != NULL; at = strchr(at + 1, '{')) {
        if (strncmp(at, "{name}", 6) != 0 && strncmp(at, "{pid}", 5) != 0 &&
            strncmp(at, "{generation}", 12) != 0) {
            return error_set(err, ERROR_CONFIG,
                             "stage.name: expected {name}, {pid} or {generation}, found \"%.40s\"",
                             at);
        }
    }
    return true;
}

bool config_resolve_run_dir(struct config *config, struct error *err)
{
    const char *name = config->name;
    if (config->run_dir == NULL) {
        config->run_dir = path_join(config->base_dir, ".hotrun");
        if (config->run_dir == NULL) {
            return error_set(err, ERROR_SYSTEM, "no memory for a path");
        }
    }
    if (!from(config->base_dir, &config->run_dir, err)) {
        return false;
    }
    if (name == NULL) {
        return true;
    }
    if (strchr(name, '/') != NULL || name[0] == '.' || strlen(name) > 64) {
        return error_set(err, ERROR_USAGE,
                         "run.name: expected a name of at most 64 bytes without '/' and without a "
                         "'.' in front, found \"%.80s\"",
                         name);
    }
    char *named = path_join(config->run_dir, name);
    free(config->run_dir);
    config->run_dir = named;
    return named != NULL || error_set(err, ERROR_SYSTEM, "no memory for a path");
}

bool config_resolve(struct config *config, struct error *err)
{
    size_t args = 0;
    for (size_t i = 0; config->args != NULL && config->args[i] != NULL; i++) {
        args += strlen(config->args[i]) + 1;
    }
    if (args > ARGS_SIZE_MOST) {
        return error_set(err, ERROR_USAGE,
                         "the module's arguments take %zu bytes, at most %zu are allowed: put them "
                         "into a file",
                         args, ARGS_SIZE_MOST);
    }
    bool to_stdout = config->events_file != NULL && strcmp(config->events_file, "-") == 0;
    return config_resolve_run_dir(config, err) && resolve_sources(config, err) &&
           resolve_library(config, err) && check_stage_name(config, err) &&
           from_each(config->base_dir, config->build_sources, err) &&
           from(config->base_dir, &config->module_path, err) &&
           from(config->base_dir, &config->stage_dir, err) &&
           from(config->base_dir, &config->restore, err) &&
           (to_stdout || from(config->base_dir, &config->events_file, err));
}
