#define _GNU_SOURCE /* realpath */
#include "project/project.h"

#include "base/path.h"
#include "base/text.h"
#include "project/making.h"
#include "project/template.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `dir` as an absolute path, without "/" or "/." behind. Where its last part is ".." the name of
 * the folder that is there counts. */
static char *settle_dir(const char *dir, struct error *err)
{
    if (dir[0] == '\0') {
        error_set(err, ERROR_USAGE, "new: expected a folder, found an empty word");
        return NULL;
    }
    char *full = path_absolute(dir);
    if (full == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for a path");
        return NULL;
    }
    for (size_t len = strlen(full); len > 1 && full[len - 1] == '/'; len--) {
        full[len - 1] = '\0';
    }
    if (strcmp(path_base(full), "..") == 0) {
        char *real = realpath(full, NULL);
        if (real == NULL) {
            error_errno(err, "cannot tell which folder %s is", dir);
        }
        free(full);
        full = real;
    }
    return full;
}

static bool check_reserved(const char *name, const struct build_row *build, struct error *err)
{
    char word[PROJECT_NAME_MOST + 3];
    (void)snprintf(word, sizeof word, " %s ", name);
    return strstr(build->reserved, word) == NULL ||
           error_set(err, ERROR_USAGE,
                     "%s keeps the name %s for itself: take another name for the folder, or "
                     "another --build",
                     build->name, name);
}

static bool has_program(const char *name, size_t len)
{
    const char *path = getenv("PATH");
    for (const char *at = path; at != NULL && *at != '\0';) {
        size_t part = strcspn(at, ":");
        char file[PATH_MAX];
        int size = snprintf(file, sizeof file, "%.*s/%.*s", (int)part, at, (int)len, name);
        if (size > 0 && (size_t)size < sizeof file && access(file, X_OK) == 0) {
            return true;
        }
        at += part + (at[part] == ':');
    }
    return false;
}

static void find_missing(const char *needs, char *missing, size_t size)
{
    size_t used = 0;
    missing[0] = '\0';
    for (const char *at = needs; *at != '\0';) {
        size_t len = strcspn(at, " ");
        if (!has_program(at, len) && used < size) {
            used += (size_t)snprintf(missing + used, size - used, "%s%.*s", used > 0 ? ", " : "",
                                     (int)len, at);
        }
        at += len + (at[len] == ' ');
    }
}

static bool make(void *ctx, const char *path, const char *text, size_t len, struct error *err)
{
    return making_file(ctx, path, text, len, err);
}

bool project_create(const struct project_options *options, struct project *project,
                    struct error *err)
{
    const struct template_row *template = template_find(options->template_name, err);
    const struct build_row *build =
        template == NULL ? NULL : build_find(options->build_name, template, err);
    if (build == NULL) {
        return false;
    }
    *project = (struct project){.template_name = template->name, .build_name = build->name};
    char *dir = settle_dir(options->dir, err);
    if (dir == NULL) {
        return false;
    }
    const char *word = path_base(dir);
    bool ok = project_name(word[0] != '\0' ? word : dir, project->module, err) &&
              check_reserved(project->module, build, err);
    struct making *making = ok ? making_begin(dir, err) : NULL;
    if (making == NULL) {
        free(dir);
        return false;
    }
    const struct template_values values = {project->module, options->host, build};
    ok = template_files(template, &values, make, making, err);
    project->files = making_files(making);
    making_end(making, ok, err);
    find_missing(build->needs, project->missing, sizeof project->missing);
    free(dir);
    return ok;
}
