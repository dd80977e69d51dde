#define _GNU_SOURCE /* vasprintf */
#include "builder/flags.h"

#include "base/array.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

static bool take(struct flags *flags, char *word)
{
    if (flags->failed || word == NULL ||
        !array_reserve(&flags->words, &flags->cap, flags->count + 2, sizeof *flags->words)) {
        free(word);
        flags->failed = true;
        return false;
    }
    flags->words[flags->count++] = word;
    flags->words[flags->count] = NULL;
    return true;
}

bool flags_add(struct flags *flags, const char *word)
{
    return take(flags, strdup(word));
}

bool flags_add_len(struct flags *flags, const char *word, size_t len)
{
    return take(flags, strndup(word, len));
}

bool flags_add_all(struct flags *flags, const struct flags *more)
{
    for (size_t i = 0; i < more->count; i++) {
        (void)flags_add(flags, more->words[i]);
    }
    return !flags->failed;
}

bool flags_addf(struct flags *flags, const char *format, ...)
{
    char *word = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&word, format, args);
    va_end(args);
    return take(flags, len < 0 ? NULL : word);
}

bool flags_add_new(struct flags *flags, const char *word)
{
    for (size_t i = 0; i < flags->count; i++) {
        if (strcmp(flags->words[i], word) == 0) {
            return !flags->failed;
        }
    }
    return flags_add(flags, word);
}

bool flags_add_all_new(struct flags *flags, const struct flags *more)
{
    for (size_t i = 0; i < more->count; i++) {
        (void)flags_add_new(flags, more->words[i]);
    }
    return !flags->failed;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void flags_sort(struct flags *flags)
{
    size_t kept = 0;
    if (flags->count == 0) {
        return;
    }
    qsort(flags->words, flags->count, sizeof *flags->words, compare);
    for (size_t i = 1; i < flags->count; i++) {
        if (strcmp(flags->words[i], flags->words[kept]) == 0) {
            free(flags->words[i]);
        } else {
            flags->words[++kept] = flags->words[i];
        }
    }
    flags->count = kept + 1;
    flags->words[flags->count] = NULL;
}

const char *const *flags_argv(const struct flags *flags)
{
    static const char *const none[] = {NULL};
    return flags->words == NULL ? none : (const char *const *)flags->words;
}

uint64_t flags_hash(const struct flags *flags)
{
    uint64_t hash = flags->count;
    for (size_t i = 0; i < flags->count; i++) {
        uint64_t pair[2] = {hash, hash_bytes(flags->words[i], strlen(flags->words[i]))};
        hash = hash_bytes(pair, sizeof pair);
    }
    return hash;
}

void flags_clear(struct flags *flags)
{
    for (size_t i = 0; i < flags->count; i++) {
        free(flags->words[i]);
    }
    flags->count = 0;
    if (flags->words != NULL) {
        flags->words[0] = NULL;
    }
}

void flags_finish(struct flags *flags)
{
    flags_clear(flags);
    free(flags->words);
    *flags = (struct flags){0};
}

/* ---- a shell's words ---- */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool no_words(const char *what, const char *at, const char *why, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "%s: %s at \"%.40s\"", what, why, at);
}

/* Appends what stands in quotes from `at` on to `word`; returns what follows them, or NULL. */
static const char *take_quoted(const char *at, struct text *word, const char *what,
                               struct error *err)
{
    const char *const begin = at;
    const char quote = *at++;
    while (*at != quote) {
        if (*at == '\0') {
            (void)no_words(what, begin, "a quote is not closed", err);
            return NULL;
        }
        if (quote == '"' && (*at == '`' || (at[0] == '$' && at[1] == '('))) {
            (void)no_words(what, at, "no shell is at work here, and nothing is run", err);
            return NULL;
        }
        if (quote == '"' && *at == '\\' && at[1] != '\0' && strchr("$`\"\\\n", at[1]) != NULL) {
            at++;
        }
        (void)text_append(word, at++, 1);
    }
    return at + 1;
}

static const char *take_word(const char *at, struct text *word, const char *what, struct error *err)
{
    while (*at != '\0' && !is_blank(*at)) {
        if (*at == '\'' || *at == '"') {
            at = take_quoted(at, word, what, err);
            if (at == NULL) {
                return NULL;
            }
            continue;
        }
        if (*at == '`' || (at[0] == '$' && at[1] == '(')) {
            (void)no_words(what, at, "no shell is at work here, and nothing is run", err);
            return NULL;
        }
        if (*at == '\\') {
            at++;
            if (*at == '\0') {
                (void)no_words(what, "\\", "nothing stands behind the backslash", err);
                return NULL;
            }
        }
        (void)text_append(word, at++, 1);
    }
    return at;
}

bool flags_split(struct flags *flags, const char *text, const char *what, struct error *err)
{
    struct text word = {0};
    const char *at = text;
    bool ok = true;
    while (ok) {
        while (is_blank(*at)) {
            at++;
        }
        if (*at == '\0') {
            break;
        }
        text_clear(&word);
        at = take_word(at, &word, what, err);
        ok = at != NULL;
        if (ok && (word.failed || !flags_add(flags, text_string(&word)))) {
            ok = error_set(err, ERROR_SYSTEM, "no memory for %s", what);
        }
    }
    text_finish(&word);
    return ok;
}

/* ---- options that name folders ---- */

/* What names a folder or file behind it: in the same word, or as the next one. */
static const char *const path_options[] = {"-I", "-isystem", "-iquote",  "-idirafter",
                                           "-L", "-include", "-imacros", "--sysroot="};
#define HEADER_OPTIONS 4 /* the first of them name folders of headers */

/* The path that word `i` holds or introduces: where it is; NULL: none. *at: the word's number. */
static char *find_path(const struct flags *flags, size_t i, size_t options, size_t *at)
{
    char *word = flags->words[i];
    for (size_t o = 0; o < options; o++) {
        size_t len = strlen(path_options[o]);
        if (strncmp(word, path_options[o], len) != 0) {
            continue;
        }
        if (word[len] != '\0') {
            *at = i;
            return word + len;
        }
        *at = i + 1;
        return i + 1 < flags->count ? flags->words[i + 1] : NULL;
    }
    return NULL;
}

bool flags_root(struct flags *flags, size_t first, const char *folder)
{
    const size_t options = sizeof path_options / sizeof path_options[0];
    for (size_t i = first; i < flags->count && !flags->failed; i++) {
        size_t at = i;
        char *path = find_path(flags, i, options, &at);
        if (path == NULL || path[0] == '/' || path[0] == '=' || path[0] == '\0') {
            continue;
        }
        struct text rooted = {0};
        (void)text_append(&rooted, flags->words[at], (size_t)(path - flags->words[at]));
        char *full = path_join(folder, path);
        if (full == NULL || !text_puts(&rooted, full)) {
            flags->failed = true;
            text_finish(&rooted);
        } else {
            free(flags->words[at]);
            flags->words[at] = rooted.data;
        }
        free(full);
        i = at;
    }
    return !flags->failed;
}

bool flags_include_folders(const struct flags *flags, struct flags *folders)
{
    for (size_t i = 0; i < flags->count; i++) {
        size_t at = i;
        const char *path = find_path(flags, i, HEADER_OPTIONS, &at);
        if (path != NULL) {
            (void)flags_add_new(folders, path);
            i = at;
        }
    }
    return !folders->failed;
}

bool flags_have(const struct flags *flags, const char *prefix)
{
    for (size_t i = 0; i < flags->count; i++) {
        if (strncmp(flags->words[i], prefix, strlen(prefix)) == 0) {
            return true;
        }
    }
    return false;
}

bool flags_lines(struct flags *flags, const char *text, const char *folder, struct error *err)
{
    size_t first = flags->count;
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        const char *end = at + len;
        const char *next = end + (*end == '\n');
        while (at < end && is_blank(*at)) {
            at++;
        }
        while (end > at && is_blank(end[-1])) {
            end--;
        }
        if (end > at && *at != '#') {
            (void)flags_add_len(flags, at, (size_t)(end - at));
        }
        at = next;
    }
    return flags_root(flags, first, folder) ||
           error_set(err, ERROR_SYSTEM, "no memory for compiler options");
}
