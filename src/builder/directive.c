#define _GNU_SOURCE /* memmem */
#include "builder/directive.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MOST 65536U /* as much of a source is looked at */

static bool set_once(char **to, const char *value)
{
    if (*to == NULL) {
        *to = strdup(value);
    }
    return *to != NULL;
}

/* One word, "key=value". `where` stands in front of errors. */
static bool take_word(struct directive *directive, const char *word, const char *where,
                      struct error *err)
{
    static const char *const keys[] = {"cflags", "libs", "pkg_config", "cc", "linker"};
    struct flags *const lists[] = {&directive->cflags, &directive->libs, &directive->packages};
    char **const texts[] = {&directive->cc, &directive->linker};
    const char *value = strchr(word, '=');
    size_t len = value == NULL ? 0 : (size_t)(value - word);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (len != strlen(keys[i]) || strncmp(word, keys[i], len) != 0) {
            continue;
        }
        if (i < sizeof lists / sizeof lists[0]) {
            return flags_split(lists[i], value + 1, where, err);
        }
        return set_once(texts[i - sizeof lists / sizeof lists[0]], value + 1) ||
               error_set(err, ERROR_SYSTEM, "no memory for what a source says");
    }
    return error_set(err, ERROR_CONFIG,
                     "%s: expected cflags=, libs=, pkg_config=, cc= or linker= behind \"hotrun:\", "
                     "found \"%.80s\"",
                     where, word);
}

/* What stands behind "// hotrun:" or between "/" "* hotrun:" and the comment's end; NULL: the line
 * is another one. */
static const char *find_words(const char *line, size_t len, size_t *words_len)
{
    static const char mark[] = "hotrun:";
    const char *end = line + len;
    while (line < end && (*line == ' ' || *line == '\t')) {
        line++;
    }
    if (end - line < 2 || line[0] != '/' || (line[1] != '/' && line[1] != '*')) {
        return NULL;
    }
    bool closed = line[1] == '*';
    line += 2;
    while (line < end && (*line == ' ' || *line == '\t')) {
        line++;
    }
    if ((size_t)(end - line) < sizeof mark - 1 || memcmp(line, mark, sizeof mark - 1) != 0) {
        return NULL;
    }
    line += sizeof mark - 1;
    const char *close = closed ? memmem(line, (size_t)(end - line), "*/", 2) : NULL;
    *words_len = (size_t)((close != NULL ? close : end) - line);
    return line;
}

static bool take_line(struct directive *directive, const char *words, size_t len, const char *where,
                      struct error *err)
{
    struct flags list = {0};
    char *copy = strndup(words, len);
    bool ok = copy != NULL || error_set(err, ERROR_SYSTEM, "no memory for what a source says");
    ok = ok && flags_split(&list, copy, where, err);
    for (size_t i = 0; ok && i < list.count; i++) {
        ok = take_word(directive, list.words[i], where, err);
    }
    flags_finish(&list);
    free(copy);
    return ok;
}

bool directive_parse(struct directive *directive, const char *text, size_t len, const char *name,
                     struct error *err)
{
    const char *end = text + len;
    for (unsigned number = 1; number <= DIRECTIVE_LINES && text < end; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((newline != NULL ? newline : end) - text);
        size_t words_len = 0;
        const char *words = find_words(text, line, &words_len);
        if (words != NULL) {
            char where[300];
            (void)snprintf(where, sizeof where, "%.250s:%u", name, number);
            if (!take_line(directive, words, words_len, where, err)) {
                return false;
            }
        }
        text += line + 1;
    }
    return true;
}

bool directive_read(struct directive *directive, const char *path, const char *name,
                    struct error *err)
{
    struct stat st;
    int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not wait for its writer */
    if (fd < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        return missing ? error_set(err, ERROR_MISSING, "%s is not there", name)
                       : error_errno(err, "cannot open %s", name);
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return error_set(err, ERROR_FORMAT, "%s: expected a C or C++ file, found %s", name,
                         S_ISDIR(st.st_mode) ? "a folder" : "something that is no file");
    }
    char *text = malloc(SIZE_MOST);
    size_t len = 0;
    ssize_t got = 1;
    while (text != NULL && len < SIZE_MOST && got != 0) {
        got = read(fd, text + len, SIZE_MOST - len);
        if (got < 0 && errno != EINTR) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    bool ok = text != NULL && got >= 0;
    ok = ok ? directive_parse(directive, text, len, name, err)
            : error_errno(err, "cannot read %s", name);
    close(fd);
    free(text);
    return ok;
}

void directive_finish(struct directive *directive)
{
    free(directive->cc);
    free(directive->linker);
    flags_finish(&directive->cflags);
    flags_finish(&directive->libs);
    flags_finish(&directive->packages);
    *directive = (struct directive){0};
}
