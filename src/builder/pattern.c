#include "builder/pattern.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

bool pattern_is_wild(const char *pattern)
{
    return strpbrk(pattern, "*?[\\") != NULL;
}

/* ---- "[...]" ---- */

static int is_blank(int c)
{
    return c == ' ' || c == '\t';
}

static const struct {
    const char *name;
    int (*holds)(int c);
} classes[] = {
    {"alnum", isalnum}, {"alpha", isalpha}, {"blank", is_blank}, {"cntrl", iscntrl},
    {"digit", isdigit}, {"graph", isgraph}, {"lower", islower},  {"print", isprint},
    {"punct", ispunct}, {"space", isspace}, {"upper", isupper},  {"xdigit", isxdigit},
};

/* "[:name:]" at `at`. Returns what is behind it, or NULL: no such class. */
static const char *class_holds(const char *at, unsigned char c, bool *holds)
{
    const char *name = at + 2;
    const char *end = strchr(name, ']');
    if (end == NULL || end == name || end[-1] != ':') {
        return NULL;
    }
    size_t len = (size_t)(end - 1 - name);
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strlen(classes[i].name) == len && strncmp(classes[i].name, name, len) == 0) {
            *holds = *holds || (c < 128 && classes[i].holds(c) != 0);
            return end + 1;
        }
    }
    return NULL;
}

/* One character, or the one behind a backslash; NULL at the end. */
static const char *take(const char *at, unsigned char *c)
{
    at += *at == '\\' ? 1 : 0;
    *c = (unsigned char)*at;
    return *at == '\0' ? NULL : at + 1;
}

/* `at` is behind "[". Returns what is behind "]", or NULL: it has no end, and fits nothing. */
static const char *set_holds(const char *at, unsigned char c, bool *result)
{
    bool negated = *at == '!' || *at == '^';
    at += negated ? 1 : 0;
    bool holds = false;
    for (bool first = true; first || *at != ']'; first = false) {
        if (at[0] == '[' && at[1] == ':') {
            const char *behind = class_holds(at, c, &holds);
            const char *end = strchr(at + 2, ']');
            if (behind == NULL && (end == NULL || end[-1] == ':')) {
                return NULL;
            }
            if (behind != NULL) {
                at = behind;
                continue;
            }
        }
        unsigned char low, high;
        at = take(at, &low);
        if (at == NULL) {
            return NULL;
        }
        high = low;
        if (at[0] == '-' && at[1] != '\0' && at[1] != ']') {
            at = take(at + 1, &high);
            if (at == NULL) {
                return NULL;
            }
        }
        holds = holds || (low <= c && c <= high);
    }
    *result = holds != negated;
    return at + 1;
}

bool pattern_is_whole(const char *pattern)
{
    while (pattern != NULL && *pattern != '\0') {
        bool holds = false;
        if (*pattern == '[') {
            pattern = set_holds(pattern + 1, 'x', &holds);
        } else {
            pattern = *pattern == '\\' && pattern[1] == '\0' ? NULL
                                                             : pattern + (*pattern == '\\' ? 2 : 1);
        }
    }
    return pattern != NULL;
}

/* ---- the whole ---- */

/* What one step of the pattern, no star, makes of one character. Returns what is behind the step
 * in the pattern, or NULL: it does not fit. */
static const char *step(const char *pattern, char c)
{
    if (c == '\0') {
        return NULL;
    }
    if (*pattern == '?') {
        return c == '/' ? NULL : pattern + 1;
    }
    if (*pattern == '[') {
        bool holds = false;
        const char *behind = set_holds(pattern + 1, (unsigned char)c, &holds);
        return holds && c != '/' ? behind : NULL;
    }
    if (*pattern == '\\') {
        pattern++;
    }
    return *pattern == c ? pattern + 1 : NULL;
}

/* A star that fails further on takes one more; it is enough to go back to the last one of its kind,
 * since what an earlier one could take, the later one can take too. */
bool pattern_fits(const char *pattern, const char *text)
{
    const char *start = pattern;
    const char *star = NULL, *star_text = NULL;       /* behind "*": how far it has taken */
    const char *folders = NULL, *folders_text = NULL; /* behind a "**" and its slash, likewise */
    for (;;) {
        if (*pattern == '*') {
            const char *behind = pattern + strspn(pattern, "*");
            bool many = behind - pattern > 1 && (pattern == start || pattern[-1] == '/');
            if (many && *behind == '\0') {
                return true;
            }
            if (many && *behind == '/') {
                pattern = folders = behind + 1;
                folders_text = text;
                star = NULL;
            } else {
                pattern = star = behind;
                star_text = text;
            }
            continue;
        }
        if (*pattern == '\0' && *text == '\0') {
            return true;
        }
        const char *next = *pattern == '\0' ? NULL : step(pattern, *text);
        if (next != NULL) {
            pattern = next;
            text++;
        } else if (star != NULL && *star_text != '\0' && *star_text != '/') {
            pattern = star;
            text = ++star_text;
        } else if (folders != NULL && (folders_text = strchr(folders_text, '/')) != NULL) {
            pattern = folders;
            text = ++folders_text;
            star = NULL;
        } else {
            return false;
        }
    }
}
