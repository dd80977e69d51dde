#define _GNU_SOURCE /* asprintf */
#include "supervisor/own_header.h"

#include "base/file.h"
#include "base/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUILD_TREE       "../../meson-uninstalled" /* from the executable there */
#define DESCRIPTION_MOST ((size_t)64 << 10)
#define PATH_NAME        "PKG_CONFIG_PATH="

/* The first of these folders, from the executable's own on, that holds `name`. Caller frees. */
static char *find(const char *const *places, const char *name)
{
    char *own = path_own_dir(NULL);
    char *found = NULL;
    for (size_t i = 0; own != NULL && found == NULL && places[i] != NULL; i++) {
        char *folder = path_join(own, places[i]);
        char *path = folder == NULL ? NULL : path_join(folder, name);
        if (path != NULL && access(path, R_OK) == 0) {
            found = realpath(folder, NULL);
        }
        free(path);
        free(folder);
    }
    free(own);
    return found;
}

/* A variable's value as pkg-config reads it: a backslash makes the next character a plain one. */
static void unescape(char *value)
{
    char *out = value;
    for (const char *at = value; *at != '\0'; at++) {
        at += *at == '\\' && at[1] != '\0';
        *out++ = *at;
    }
    *out = '\0';
}

/* What a build tree's description of hotrun says of its sources. Caller frees. */
static char *source_headers(void)
{
    static const char *const places[] = {BUILD_TREE, NULL};
    struct text text = {0};
    char *headers = NULL;
    char *folder = find(places, "hotrun-uninstalled.pc");
    char *path = folder == NULL ? NULL : path_join(folder, "hotrun-uninstalled.pc");
    if (path != NULL && file_read(path, DESCRIPTION_MOST, &text, NULL)) {
        const char *line = strstr(text_string(&text), "\nsrcdir=");
        const char *value = line == NULL ? "" : strchr(line, '=') + 1;
        if (asprintf(&headers, "%.*s/include", (int)strcspn(value, "\n"), value) < 0) {
            headers = NULL;
        }
    }
    if (headers != NULL) {
        unescape(headers);
    }
    text_finish(&text);
    free(path);
    free(folder);
    return headers;
}

char *own_header_dir(void)
{
    static const char *const places[] = {"../include", HOTRUN_INCLUDEDIR, NULL};
    char *headers = source_headers();
    char *header = headers == NULL ? NULL : path_join(headers, "hotrun/hotrun.h");
    if (header == NULL || access(header, R_OK) != 0) {
        free(headers);
        headers = find(places, "hotrun/hotrun.h");
    }
    free(header);
    return headers;
}

/* The folder of hotrun's description. Caller frees. NULL: there is none. */
static char *find_description(void)
{
    static const char *const tree[] = {BUILD_TREE, NULL};
    static const char *const places[] = {"../" HOTRUN_LIBDIR "/pkgconfig",
                                         HOTRUN_PREFIX "/" HOTRUN_LIBDIR "/pkgconfig", NULL};
    char *found = find(tree, "hotrun-uninstalled.pc");
    return found != NULL ? found : find(places, "hotrun.pc");
}

static const char *value_in(const char *const *env, const char *name)
{
    for (size_t i = 0; env[i] != NULL; i++) {
        if (strncmp(env[i], name, strlen(name)) == 0) {
            return env[i] + strlen(name);
        }
    }
    return NULL;
}

/* Appends a copy; false: no memory. */
static bool add(char **env, size_t *count, const char *variable)
{
    env[*count] = variable == NULL ? NULL : strdup(variable);
    return env[*count] != NULL && ++*count > 0;
}

static bool add_path(char **env, size_t *count, const char *const *given)
{
    char *folder = find_description();
    if (folder == NULL) {
        return true;
    }
    const char *before = value_in(given, PATH_NAME);
    before = before != NULL ? before : getenv("PKG_CONFIG_PATH");
    before = before != NULL ? before : "";
    char *variable = NULL;
    bool ok =
        asprintf(&variable, PATH_NAME "%s%s%s", before, before[0] == '\0' ? "" : ":", folder) >= 0;
    if (ok) {
        ok = add(env, count, variable);
        free(variable); /* which a failure leaves undefined */
    }
    free(folder);
    return ok;
}

char **own_header_environment(const char *const *given, bool color, struct error *err)
{
    static const char *const none[] = {NULL};
    size_t most = 3;
    size_t count = 0;
    bool ok = true;
    given = given != NULL ? given : none;
    for (size_t i = 0; given[i] != NULL; i++) {
        most++;
    }
    char **env = calloc(most, sizeof *env);
    ok = env != NULL && add_path(env, &count, given);
    if (ok && !color && value_in(given, "NO_COLOR=") == NULL) {
        ok = add(env, &count, "NO_COLOR=1");
    }
    for (size_t i = 0; ok && given[i] != NULL; i++) {
        bool replaced = strncmp(given[i], PATH_NAME, sizeof PATH_NAME - 1) == 0 && count > 0 &&
                        strncmp(env[0], PATH_NAME, sizeof PATH_NAME - 1) == 0;
        ok = replaced || add(env, &count, given[i]);
    }
    if (!ok) {
        error_set(err, ERROR_SYSTEM, "no memory for the build's environment");
        own_header_free_environment(env);
        return NULL;
    }
    return env;
}

void own_header_free_environment(char **env)
{
    for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
        free(env[i]);
    }
    free(env);
}
