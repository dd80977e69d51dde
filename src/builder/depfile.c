#include "builder/depfile.h"

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MOST ((size_t)4 << 20)

static bool add(struct flags *files, const char *folder, const char *name)
{
    char *joined = path_join(folder, name);
    char *full = joined == NULL ? NULL : path_absolute(joined);
    free(joined);
    files->failed = files->failed || full == NULL;
    bool ok = full != NULL && flags_add_new(files, full);
    free(full);
    return ok;
}

/* A "\" in front of a line's end joins the lines: the length of both, or 0. */
static size_t joint(const char *at)
{
    return at[0] != '\\' ? 0 : at[1] == '\n' ? 2 : at[1] == '\r' && at[2] == '\n' ? 3 : 0;
}

/* Takes one word of a rule; returns what follows it. Before a blank 2N+1 backslashes stand for N
 * and the blank, 2N for N and the word's end; before anything else they stand for themselves. */
static const char *take_word(const char *at, struct text *word)
{
    while (*at != '\0' && *at != ' ' && *at != '\t' && *at != '\n' && *at != '\r' &&
           joint(at) == 0) {
        if (at[0] == '$' && at[1] == '$') {
            (void)text_append(word, "$", 1);
            at += 2;
            continue;
        }
        size_t slashes = strspn(at, "\\");
        char next = at[slashes];
        if (slashes > 0 && (next == ' ' || next == '\t')) {
            for (size_t i = 0; i < slashes / 2; i++) {
                (void)text_append(word, "\\", 1);
            }
            at += slashes;
            if (slashes % 2 == 0) {
                return at;
            }
            (void)text_append(word, at++, 1);
        } else if (slashes > 0 && next == '#') {
            (void)text_append(word, at, slashes - 1);
            (void)text_append(word, "#", 1);
            at += slashes + 1;
        } else if (slashes > 0 && joint(at + slashes - 1) != 0) {
            (void)text_append(word, at, slashes - 1);
            at += slashes - 1;
        } else if (slashes > 0) {
            (void)text_append(word, at, slashes);
            at += slashes;
        } else {
            (void)text_append(word, at++, 1);
        }
    }
    return at;
}

static bool parse_make(const char *at, const char *folder, struct flags *files)
{
    struct text word = {0};
    bool behind_colon = false;
    bool ok = true;
    while (ok && *at != '\0') {
        if (joint(at) != 0) {
            at += joint(at);
        } else if (*at == '\n') {
            behind_colon = false;
            at++;
        } else if (*at == ' ' || *at == '\t' || *at == '\r') {
            at++;
        } else {
            text_clear(&word);
            at = take_word(at, &word);
            bool is_target = !behind_colon;
            bool colon = word.len > 0 && word.data[word.len - 1] == ':';
            behind_colon = behind_colon || colon;
            ok = !word.failed && (is_target || add(files, folder, text_string(&word)));
        }
    }
    text_finish(&word);
    return ok;
}

static bool parse_lines(const char *at, const char *folder, struct flags *files)
{
    bool ok = true;
    for (bool first = true; ok && *at != '\0'; first = false) {
        size_t len = strcspn(at, "\n");
        size_t used = len >= 2 && strncmp(at + len - 2, " \\", 2) == 0 ? len - 2 : len;
        size_t blanks = strspn(at, " ");
        if (!first && used > blanks) {
            char *name = strndup(at + blanks, used - blanks);
            ok = name != NULL && add(files, folder, name);
            free(name);
        }
        at += len + (at[len] == '\n');
    }
    return ok;
}

bool depfile_parse(const char *text, enum depfile_style style, const char *folder,
                   struct flags *files, struct error *err)
{
    bool ok =
        style == DEPFILE_MAKE ? parse_make(text, folder, files) : parse_lines(text, folder, files);
    return ok || error_set(err, ERROR_SYSTEM, "no memory for the names of sources");
}

bool depfile_read(const char *path, enum depfile_style style, const char *folder,
                  struct flags *files, struct error *err)
{
    struct text text = {0};
    bool ok = file_read(path, SIZE_MOST, &text, err) &&
              depfile_parse(text_string(&text), style, folder, files, err);
    text_finish(&text);
    return ok;
}
