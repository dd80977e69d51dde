#define _GNU_SOURCE /* asprintf, strchrnul */
#include "builder/toolchain.h"

#include "base/hash.h"
#include "base/path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const launchers[] = {"ccache", "sccache", "distcc", "icecc"};

/* The two names of one compiler; a version or a target may stand around them. */
static const char *const pairs[][2] = {{"gcc", "g++"}, {"clang", "clang++"}, {"cc", "c++"}};

enum language language_of(const char *path)
{
    const char *dot = strrchr(path_base(path), '.');
    return dot != NULL && strcmp(dot, ".c") != 0 ? LANGUAGE_CXX : LANGUAGE_C;
}

/* ---- programs ---- */

const char *toolchain_variable(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    const char *value = getenv(name);
    for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
        if (strncmp(env[i], name, len) == 0 && env[i][len] == '=') {
            value = env[i] + len + 1;
        }
    }
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *toolchain_program(const char *const *env, const char *name)
{
    const char *at = toolchain_variable(env, "PATH");
    if (strchr(name, '/') != NULL) {
        return is_program(name) ? strdup(name) : NULL;
    }
    for (at = at == NULL ? "/usr/bin:/bin" : at; at != NULL;) {
        const char *end = strchrnul(at, ':');
        char *path = NULL;
        if (asprintf(&path, "%.*s%s%s", (int)(end - at), at, end == at ? "" : "/", name) < 0) {
            return NULL;
        }
        if (is_program(path)) {
            return path;
        }
        free(path);
        at = *end == ':' ? end + 1 : NULL;
    }
    return NULL;
}

/* ---- names ---- */

/* Whether `name` is `word`, with a target in front of it or a version behind: "avr-gcc-12". Where
 * the word stands in it; NULL: nowhere. */
static const char *find_name(const char *name, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = strstr(name, word); at != NULL; at = strstr(at + 1, word)) {
        bool begins = at == name || at[-1] == '-';
        bool ends = at[len] == '\0' || (at[len] == '-' && at[len + 1] >= '0' && at[len + 1] <= '9');
        if (begins && ends) {
            return at;
        }
    }
    return NULL;
}

/* Puts the compiler's other name in the place of word `i` where `language` wants that. */
static bool suit(struct flags *words, size_t i, enum language language)
{
    const char *name = path_base(words->words[i]);
    for (size_t p = 0; p < sizeof pairs / sizeof pairs[0]; p++) {
        const char *other = pairs[p][language == LANGUAGE_C ? 1 : 0];
        const char *at = find_name(name, other);
        if (at == NULL) {
            continue;
        }
        char *suited = NULL;
        int front = (int)(at - words->words[i]);
        if (asprintf(&suited, "%.*s%s%s", front, words->words[i],
                     pairs[p][language == LANGUAGE_C ? 0 : 1], at + strlen(other)) < 0) {
            return false;
        }
        free(words->words[i]);
        words->words[i] = suited;
        return true;
    }
    return true;
}

static bool is_launcher(const char *word)
{
    for (size_t i = 0; i < sizeof launchers / sizeof launchers[0]; i++) {
        if (strcmp(path_base(word), launchers[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the choice ---- */

static uint64_t identify(const struct toolchain *toolchain, const char *real)
{
    struct stat st = {0};
    (void)stat(real, &st);
    uint64_t parts[4] = {flags_hash(&toolchain->words), hash_bytes(real, strlen(real)),
                         (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec};
    return hash_bytes(parts, sizeof parts);
}

/* Looks at the program that compiles, word `i`. */
static bool look(struct toolchain *toolchain, size_t i, const char *const *env, struct error *err)
{
    const char *name = toolchain->words.words[i];
    char *path = toolchain_program(env, name);
    char *real = path == NULL ? NULL : realpath(path, NULL);
    bool found = real != NULL;
    if (found) {
        toolchain->is_tcc =
            find_name(path_base(name), "tcc") != NULL || find_name(path_base(real), "tcc") != NULL;
        toolchain->is_gnu =
            find_name(path_base(real), "gcc") != NULL || find_name(path_base(real), "g++") != NULL;
        toolchain->is_clang = find_name(path_base(real), "clang") != NULL ||
                              find_name(path_base(real), "clang++") != NULL;
        toolchain->identity = identify(toolchain, real);
    } else {
        error_set(err, ERROR_MISSING,
                  "the compiler %.200s is not there: install it, or name another one (--cc, "
                  "build.cc)",
                  name);
    }
    free(real);
    free(path);
    return found;
}

/* What is said, or the environment says; *exact: that it is meant for `language` alone. */
static const char *find_words(const char *cc, enum language language, const char *const *env,
                              bool *exact)
{
    const char *own = toolchain_variable(env, language == LANGUAGE_C ? "CC" : "CXX");
    *exact = cc == NULL && own != NULL;
    if (cc != NULL) {
        return cc;
    }
    if (own == NULL && language == LANGUAGE_CXX) {
        own = toolchain_variable(env, "CC");
    }
    return own != NULL ? own : language == LANGUAGE_C ? "cc" : "c++";
}

bool toolchain_choose(struct toolchain *toolchain, const char *cc, enum language language,
                      const char *const *env, struct error *err)
{
    *toolchain = (struct toolchain){0};
    bool exact = false;
    const char *said = find_words(cc, language, env, &exact);
    struct flags *words = &toolchain->words;
    if (!flags_split(words, said, "the compiler's command", err)) {
        return false;
    }
    size_t at = 0;
    while (at + 1 < words->count && is_launcher(words->words[at])) {
        at++;
    }
    if (at == words->count) {
        return error_set(err, ERROR_CONFIG, "build.cc: expected a compiler, found \"%.80s\"", said);
    }
    toolchain->is_launched = at > 0;
    if (!exact && !suit(words, at, language)) {
        return error_set(err, ERROR_SYSTEM, "no memory for a compiler's name");
    }
    return look(toolchain, at, env, err);
}

void toolchain_finish(struct toolchain *toolchain)
{
    flags_finish(&toolchain->words);
    *toolchain = (struct toolchain){0};
}
