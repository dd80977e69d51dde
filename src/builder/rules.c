#define _GNU_SOURCE /* asprintf */
#include "builder/rules.h"

#include "base/file.h"
#include "base/path.h"
#include "builder/git.h"
#include "builder/ignore.h"
#include "builder/nature.h"
#include "builder/pattern.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GITIGNORE_BYTES (1024 * 1024) /* more than that is nothing that a person wrote */

struct rules {
    char *root;
    char **watch; /* as said, without what means nothing */
    size_t watch_count;
    char **bases;
    size_t base_count;
    char **never;
    size_t never_count;
    struct ignore *own; /* build.ignore, from the root */
    bool gitignore;
    struct git git;
    struct ignore *ignored; /* by git, from git.top */
};

/* ---- paths ---- */

/* What is behind `folder` in `path`: "" for itself; NULL: it lies elsewhere. */
static const char *below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    if (len == 1) { /* "/" */
        return path + 1;
    }
    if (strncmp(path, folder, len) != 0 || (path[len] != '/' && path[len] != '\0')) {
        return NULL;
    }
    return path[len] == '/' ? path + len + 1 : path + len;
}

const char *rules_told(const struct rules *rules, const char *path)
{
    const char *rest = below(path, rules->root);
    return rest == NULL || rest[0] == '\0' ? path : rest;
}

static bool is_never(const struct rules *rules, const char *path)
{
    for (size_t i = 0; i < rules->never_count; i++) {
        if (below(path, rules->never[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* A part of `pattern` with a dot in front that fits `name`: it was meant. */
static bool names_hidden(const char *pattern, const char *name)
{
    while (*pattern != '\0') {
        size_t len = strcspn(pattern, "/");
        char part[256];
        if (*pattern == '.' && len < sizeof part) {
            memcpy(part, pattern, len);
            part[len] = '\0';
            if (pattern_fits(part, name)) {
                return true;
            }
        }
        pattern += len + strspn(pattern + len, "/");
    }
    return false;
}

static bool is_hidden(const struct rules *rules, const char *name)
{
    if (name[0] != '.') {
        return false;
    }
    for (size_t i = 0; i < rules->watch_count; i++) {
        if (names_hidden(rules->watch[i], name)) {
            return false;
        }
    }
    return true;
}

static bool is_ignored(const struct rules *rules, const char *path, bool is_folder)
{
    const char *rest = below(path, rules->root);
    if (rest != NULL && rest[0] != '\0' && ignore_matches(rules->own, rest, is_folder)) {
        return true;
    }
    rest = rules->gitignore ? below(path, rules->git.top) : NULL;
    return rest != NULL && rest[0] != '\0' && ignore_matches(rules->ignored, rest, is_folder);
}

static bool is_asked_for(const struct rules *rules, const char *path, const char *name)
{
    const char *told = rules_told(rules, path);
    for (size_t i = 0; i < rules->watch_count; i++) {
        if (ignore_pattern_matches(rules->watch[i], told) &&
            (pattern_is_wild(rules->watch[i]) || !nature_is_product(name))) {
            return true;
        }
    }
    return rules->watch_count == 0 && nature_is_source(name);
}

bool rules_take_file(const struct rules *rules, const char *path)
{
    const char *name = path_base(path);
    return is_asked_for(rules, path, name) && !nature_is_leaving(name) && !is_hidden(rules, name) &&
           !is_never(rules, path) && !is_ignored(rules, path, false);
}

/* cargo's: it is marked, but only once the first build has begun. */
static bool is_cargo_target(const char *path, const char *name)
{
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof beside, "%.*sCargo.toml", (int)(name - path), path);
    return strcmp(name, "target") == 0 && len > 0 && (size_t)len < sizeof beside &&
           access(beside, F_OK) == 0;
}

bool rules_enter_folder(const struct rules *rules, const char *path)
{
    const char *name = path_base(path);
    if (rules->watch_count == 0 && (nature_is_output(name) || is_cargo_target(path, name))) {
        return false;
    }
    return !nature_is_books(name) && !is_hidden(rules, name) && !nature_is_leaving(name) &&
           !is_never(rules, path) && !is_ignored(rules, path, true);
}

bool rules_tell_output(const struct rules *rules, const char *folder, const char *inside)
{
    return rules->watch_count == 0 && strcmp(folder, rules->root) != 0 &&
           nature_tells_output(path_base(folder), inside);
}

/* ---- what git ignores ---- */

static bool read_ignored(struct rules *rules, const char *file, const char *folder)
{
    struct text text = {0};
    bool read = file_read(file, GITIGNORE_BYTES, &text, NULL);
    bool ok = !read || ignore_add(rules->ignored, folder, text_string(&text), text.len);
    text_finish(&text);
    return ok;
}

/* Who works in a folder that git ignores does not mean what ignores it. */
static bool ignores_root(const struct rules *rules)
{
    char *path = strdup(below(rules->root, rules->git.top));
    bool ignored = path != NULL && path[0] != '\0' && ignore_matches(rules->ignored, path, true);
    for (char *slash = path == NULL ? NULL : strrchr(path, '/'); slash != NULL && !ignored;
         slash = strrchr(path, '/')) {
        *slash = '\0';
        ignored = ignore_matches(rules->ignored, path, true);
    }
    free(path);
    return ignored;
}

bool rules_read_git(struct rules *rules)
{
    struct ignore *fresh = ignore_create();
    struct git git;
    if (fresh == NULL || !git_find(&git, rules->root)) {
        ignore_destroy(fresh);
        return false;
    }
    ignore_destroy(rules->ignored);
    git_finish(&rules->git);
    rules->ignored = fresh;
    rules->git = git;
    bool ok = true;
    for (size_t i = 0; rules->gitignore && ok && git.files[i] != NULL; i++) {
        const char *folder = i == git.exclude ? git.top : NULL;
        char *dir = folder == NULL ? path_dir(git.files[i]) : strdup(folder);
        const char *rest = dir == NULL ? NULL : below(dir, git.top);
        ok = rest != NULL && read_ignored(rules, git.files[i], rest);
        free(dir);
    }
    if (ok && ignores_root(rules)) {
        ignore_clear(rules->ignored);
    }
    return ok;
}

bool rules_read_folder(struct rules *rules, const char *folder)
{
    const char *rest = below(folder, rules->git.top);
    if (!rules->gitignore || rest == NULL) {
        return true;
    }
    char *file = path_join(folder, ".gitignore");
    ignore_forget(rules->ignored, rest);
    bool ok = file != NULL && read_ignored(rules, file, rest);
    free(file);
    return ok;
}

bool rules_go_by_name(const struct rules *rules)
{
    return rules->watch_count == 0;
}

const char *const *rules_git_files(const struct rules *rules)
{
    static const char *const none[] = {NULL};
    return rules->gitignore ? (const char *const *)rules->git.files : none;
}

/* ---- life ---- */

static bool add_string(char ***list, size_t *count, char *own)
{
    char **grown = own == NULL ? NULL : realloc(*list, (*count + 2) * sizeof *grown);
    if (grown == NULL) {
        free(own);
        return false;
    }
    *list = grown;
    grown[(*count)++] = own;
    grown[*count] = NULL;
    return true;
}

/* Up to the last "/" before the first character that does not stand for itself. */
static char *base_of(const char *root, const char *entry)
{
    while (strncmp(entry, "./", 2) == 0) {
        entry += 2;
    }
    size_t len = strlen(entry);
    if (pattern_is_wild(entry)) {
        len = strcspn(entry, "*?[\\");
        while (len > 0 && entry[len - 1] != '/') {
            len--;
        }
    }
    while (len > 1 && entry[len - 1] == '/') {
        len--;
    }
    if (len == 0 || (len == 1 && entry[0] == '.')) {
        return strdup(root);
    }
    char *base = NULL;
    return asprintf(&base, "%s%s%.*s", entry[0] == '/' ? "" : root, entry[0] == '/' ? "" : "/",
                    (int)len, entry) < 0
               ? NULL
               : base;
}

static bool add_watches(struct rules *rules, const char *const *watch)
{
    bool ok = true;
    for (size_t i = 0; ok && watch != NULL && watch[i] != NULL; i++) {
        /* As it will be told: from the root. */
        const char *rest = below(watch[i], rules->root);
        const char *entry = rest == NULL ? watch[i] : rest[0] == '\0' ? "." : rest;
        ok = add_string(&rules->watch, &rules->watch_count, strdup(entry)) &&
             add_string(&rules->bases, &rules->base_count, base_of(rules->root, entry));
    }
    if (ok && rules->base_count == 0) {
        ok = add_string(&rules->bases, &rules->base_count, strdup(rules->root));
    }
    return ok;
}

static bool add_never(struct rules *rules, const char *const *never)
{
    bool ok = true;
    for (size_t i = 0; ok && never != NULL && never[i] != NULL; i++) {
        ok = add_string(&rules->never, &rules->never_count, path_absolute(never[i]));
        char *real = ok ? realpath(never[i], NULL) : NULL;
        if (real != NULL) {
            ok = add_string(&rules->never, &rules->never_count, real);
        }
    }
    return ok;
}

static bool add_ignored(struct rules *rules, const char *const *patterns)
{
    bool ok = true;
    for (size_t i = 0; ok && patterns != NULL && patterns[i] != NULL; i++) {
        ok = ignore_add(rules->own, "", patterns[i], strlen(patterns[i]));
    }
    return ok;
}

static bool check_patterns(const char *key, const char *const *patterns, struct error *err)
{
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        if (patterns[i][0] == '\0' || !pattern_is_whole(patterns[i])) {
            return error_set(err, ERROR_CONFIG,
                             "%s: \"%s\" cannot fit any file: expected a folder or a pattern as in "
                             ".gitignore, with a \"]\" for each \"[\"",
                             key, patterns[i]);
        }
    }
    return true;
}

static bool check(const struct sources_rules *said, struct error *err)
{
    for (size_t i = 0; said->watch != NULL && said->watch[i] != NULL; i++) {
        if (said->watch[i][0] == '!') {
            return error_set(err, ERROR_CONFIG,
                             "build.watch: \"%s\" begins with \"!\": name what is no source in "
                             "build.ignore",
                             said->watch[i]);
        }
    }
    return check_patterns("build.watch", said->watch, err) &&
           check_patterns("build.ignore", said->ignore, err);
}

struct rules *rules_create(const struct sources_rules *said, struct error *err)
{
    if (!check(said, err)) {
        return NULL;
    }
    struct rules *rules = calloc(1, sizeof *rules);
    if (rules != NULL) {
        rules->gitignore = said->gitignore;
        rules->root = path_absolute(said->root);
        rules->own = ignore_create();
    }
    if (rules == NULL || rules->root == NULL || rules->own == NULL ||
        !add_watches(rules, said->watch) || !add_never(rules, said->never) ||
        !add_ignored(rules, said->ignore) || !rules_read_git(rules)) {
        rules_destroy(rules);
        (void)error_set(err, ERROR_SYSTEM, "no memory for what is a source in %s", said->root);
        return NULL;
    }
    return rules;
}

const char *const *rules_bases(const struct rules *rules, size_t *count)
{
    *count = rules->base_count;
    return (const char *const *)rules->bases;
}

static void free_strings(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(strings[i]);
    }
    free(strings);
}

void rules_destroy(struct rules *rules)
{
    if (rules == NULL) {
        return;
    }
    free(rules->root);
    free_strings(rules->watch, rules->watch_count);
    free_strings(rules->bases, rules->base_count);
    free_strings(rules->never, rules->never_count);
    ignore_destroy(rules->own);
    ignore_destroy(rules->ignored);
    git_finish(&rules->git);
    free(rules);
}
