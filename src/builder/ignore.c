#include "builder/ignore.h"

#include "builder/pattern.h"

#include <stdlib.h>
#include <string.h>

struct line {
    char *glob;
    bool negated;     /* "!": what fits is taken again */
    bool folder_only; /* "/" behind */
    bool any_depth;   /* no other "/": compared with the name alone */
    size_t plain;     /* characters in front that stand for themselves */
    char last;        /* what fits ends with it; '\0': with anything */
};

struct group { /* the lines of one folder */
    char *folder;
    size_t len;
    struct line *lines;
    size_t count;
};

struct ignore {
    struct group *groups; /* deeper ones behind */
    size_t count;
};

struct ignore *ignore_create(void)
{
    return calloc(1, sizeof(struct ignore));
}

static void group_finish(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        free(group->lines[i].glob);
    }
    free(group->lines);
    free(group->folder);
}

void ignore_clear(struct ignore *ignore)
{
    for (size_t i = 0; i < ignore->count; i++) {
        group_finish(&ignore->groups[i]);
    }
    ignore->count = 0;
}

void ignore_destroy(struct ignore *ignore)
{
    if (ignore != NULL) {
        ignore_clear(ignore);
        free(ignore->groups);
        free(ignore);
    }
}

/* A folder above comes before one below when shorter ones come before longer ones. */
static struct group *group_of(struct ignore *ignore, const char *folder)
{
    size_t len = strlen(folder);
    size_t at = ignore->count;
    while (at > 0 && ignore->groups[at - 1].len >= len) {
        at--;
        if (strcmp(ignore->groups[at].folder, folder) == 0) {
            return &ignore->groups[at];
        }
    }
    struct group *grown = realloc(ignore->groups, (ignore->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return NULL;
    }
    ignore->groups = grown;
    char *own = strdup(folder);
    if (own == NULL) {
        return NULL;
    }
    memmove(&grown[at + 1], &grown[at], (ignore->count - at) * sizeof *grown);
    grown[at] = (struct group){.folder = own, .len = len};
    ignore->count++;
    return &grown[at];
}

/* Spaces behind do not count, unless a backslash stands before them. */
static size_t without_spaces(const char *text, size_t len)
{
    size_t end = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\' && i + 1 < len) {
            i++;
            end = i + 1;
        } else if (text[i] != ' ') {
            end = i + 1;
        }
    }
    return end;
}

/* False: no memory. A line that means nothing adds nothing. */
static bool group_add_line(struct group *group, const char *text, size_t len)
{
    len -= len > 0 && text[len - 1] == '\r' ? 1 : 0;
    if (len == 0 || text[0] == '#' || memchr(text, '\0', len) != NULL) {
        return true;
    }
    len = without_spaces(text, len);
    struct line line = {.negated = len > 0 && text[0] == '!'};
    if (line.negated) {
        text++;
        len--;
    }
    if (len > 0 && text[len - 1] == '/') {
        line.folder_only = true;
        len--;
    }
    if (len == 0) {
        return true;
    }
    line.any_depth = memchr(text, '/', len) == NULL;
    if (text[0] == '/') {
        text++;
        len--;
    }
    struct line *grown = realloc(group->lines, (group->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    group->lines = grown;
    line.glob = strndup(text, len);
    if (line.glob == NULL) {
        return false;
    }
    line.plain = strcspn(line.glob, "*?[\\");
    char last = len == 0 ? '\0' : line.glob[len - 1];
    line.last = strchr("*?]", last) == NULL ? last : '\0';
    grown[group->count++] = line;
    return true;
}

bool ignore_add(struct ignore *ignore, const char *folder, const char *text, size_t len)
{
    struct group *group = group_of(ignore, folder);
    if (group == NULL) {
        return false;
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    while (len > 0) {
        const char *newline = memchr(text, '\n', len);
        size_t line = newline == NULL ? len : (size_t)(newline - text);
        if (!group_add_line(group, text, line)) {
            return false;
        }
        size_t used = newline == NULL ? len : line + 1;
        text += used;
        len -= used;
    }
    return true;
}

void ignore_forget(struct ignore *ignore, const char *folder)
{
    for (size_t i = 0; i < ignore->count; i++) {
        if (strcmp(ignore->groups[i].folder, folder) == 0) {
            group_finish(&ignore->groups[i]);
            memmove(&ignore->groups[i], &ignore->groups[i + 1],
                    (ignore->count - i - 1) * sizeof *ignore->groups);
            ignore->count--;
            return;
        }
    }
}

static bool line_matches(const struct line *line, const char *path, const char *name, char last,
                         bool is_folder)
{
    if ((line->folder_only && !is_folder) || (line->last != '\0' && line->last != last)) {
        return false;
    }
    if (line->any_depth) {
        return pattern_fits(line->glob, name);
    }
    /* As git does it: what is behind the plain part stands as if at a beginning ("b**" + "/x"). */
    return strncmp(line->glob, path, line->plain) == 0 &&
           pattern_fits(line->glob + line->plain, path + line->plain);
}

bool ignore_matches(const struct ignore *ignore, const char *path, bool is_folder)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    char last = name[0] == '\0' ? '\0' : name[strlen(name) - 1];
    for (size_t g = ignore->count; g-- > 0;) {
        const struct group *group = &ignore->groups[g];
        if (group->len > 0 &&
            (strncmp(path, group->folder, group->len) != 0 || path[group->len] != '/')) {
            continue;
        }
        const char *below = group->len == 0 ? path : path + group->len + 1;
        for (size_t i = group->count; i-- > 0;) {
            if (line_matches(&group->lines[i], below, name, last, is_folder)) {
                return !group->lines[i].negated;
            }
        }
    }
    return false;
}

/* Paths for one question: what fits a folder holds for all that lies in it. */
static bool fits_with_folders(const struct line *line, const char *path)
{
    char *part = strdup(path);
    bool fits = false;
    for (size_t i = 0; part != NULL && !fits; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        char kept = part[i];
        part[i] = '\0';
        const char *slash = strrchr(part, '/');
        fits = i > 0 &&
               line_matches(line, part, slash == NULL ? part : slash + 1, part[i - 1], kept == '/');
        part[i] = kept;
        if (kept == '\0') {
            break;
        }
    }
    free(part);
    return fits;
}

bool ignore_pattern_matches(const char *pattern, const char *path)
{
    while (strncmp(pattern, "./", 2) == 0) {
        pattern += 2;
    }
    if (pattern[0] == '\0' || strcmp(pattern, ".") == 0) {
        return true;
    }
    if (!pattern_is_wild(pattern)) {
        pattern += pattern[0] == '/' && path[0] != '/' ? 1 : 0;
        size_t len = strlen(pattern);
        while (len > 0 && pattern[len - 1] == '/') {
            len--;
        }
        return strncmp(path, pattern, len) == 0 && (path[len] == '\0' || path[len] == '/');
    }
    path += pattern[0] == '/' && path[0] == '/' ? 1 : 0;
    struct group group = {0};
    bool fits = group_add_line(&group, pattern, strlen(pattern)) && group.count == 1 &&
                !group.lines[0].negated && fits_with_folders(&group.lines[0], path);
    group_finish(&group);
    return fits;
}
