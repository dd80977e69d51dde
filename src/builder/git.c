#define _GNU_SOURCE /* asprintf */
#include "builder/git.h"

#include "base/file.h"
#include "base/path.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define POINTER_BYTES 8192 /* of a file that holds one path */

/* The path in a file of git's, relative to the folder of the file. NULL: there is none. */
static char *pointed_at(const char *dir, const char *name, const char *prefix)
{
    char *file = path_join(dir, name);
    struct text text = {0};
    char *path = NULL;
    if (file != NULL && file_read(file, POINTER_BYTES, &text, NULL) &&
        strncmp(text_string(&text), prefix, strlen(prefix)) == 0) {
        char *said = text.data == NULL ? NULL : text.data + strlen(prefix);
        if (said != NULL) {
            said[strcspn(said, "\r\n")] = '\0';
            path = said[0] == '\0' ? NULL : path_join(dir, said);
        }
    }
    text_finish(&text);
    free(file);
    return path;
}

/* Where info/ lies: .git, or what a linked work tree's .git file leads to. */
static char *common_dir(const char *top)
{
    char *dot_git = path_join(top, ".git");
    struct stat st;
    if (dot_git == NULL || stat(dot_git, &st) != 0 || S_ISDIR(st.st_mode)) {
        return dot_git;
    }
    free(dot_git);
    char *own = pointed_at(top, ".git", "gitdir: ");
    char *common = own == NULL ? NULL : pointed_at(own, "commondir", "");
    if (common == NULL) {
        return own;
    }
    free(own);
    return common;
}

static bool add_file(struct git *git, size_t *count, char *own)
{
    char **grown = own == NULL ? NULL : realloc(git->files, (*count + 2) * sizeof *grown);
    if (grown == NULL) {
        free(own);
        return false;
    }
    git->files = grown;
    grown[(*count)++] = own;
    grown[*count] = NULL;
    return true;
}

static bool find_top(struct git *git, const char *folder)
{
    char *at = strdup(folder);
    bool found = false;
    while (at != NULL && !found) {
        struct stat st;
        char *dot_git = path_join(at, ".git");
        found = dot_git != NULL && stat(dot_git, &st) == 0;
        free(dot_git);
        char *slash = strrchr(at, '/');
        if (found || slash == NULL || slash[1] == '\0') {
            break;
        }
        slash[slash == at ? 1 : 0] = '\0';
    }
    git->top = found ? at : strdup(folder);
    if (!found) {
        free(at);
    }
    return found;
}

bool git_find(struct git *git, const char *folder)
{
    *git = (struct git){.exclude = SIZE_MAX};
    size_t count = 0;
    git->files = calloc(1, sizeof *git->files);
    bool found = find_top(git, folder);
    bool ok = git->top != NULL && git->files != NULL;
    char *common = ok && found ? common_dir(git->top) : NULL;
    if (common != NULL) {
        git->exclude = 0;
        ok = add_file(git, &count, path_join(common, "info/exclude"));
    }
    free(common);
    /* The folder's own .gitignore is read with the folder. */
    for (size_t i = ok ? strlen(git->top) : 0; ok && folder[i] == '/' && strlen(git->top) > 1;) {
        char *file = NULL;
        ok = asprintf(&file, "%.*s/.gitignore", (int)i, folder) >= 0 && add_file(git, &count, file);
        i += 1 + strcspn(folder + i + 1, "/");
    }
    if (!ok) {
        git_finish(git);
    }
    return ok;
}

void git_finish(struct git *git)
{
    for (size_t i = 0; git->files != NULL && git->files[i] != NULL; i++) {
        free(git->files[i]);
    }
    free(git->files);
    free(git->top);
    *git = (struct git){.exclude = SIZE_MAX};
}
