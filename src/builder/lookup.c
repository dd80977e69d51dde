#include "builder/lookup.h"

#include "base/path.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES_MOST 4096 /* of all that is missing */

static bool is_system(const char *path)
{
    return strncmp(path, "/usr/", 5) == 0;
}

static bool add_folder_of(const char *path, struct flags *folders)
{
    char *folder = path_dir(path);
    bool ok = folder != NULL && flags_add_new(folders, folder);
    free(folder);
    return ok;
}

static bool add_in(const char *dir, const char *folder, const char *name, struct flags *files)
{
    char *inner = path_join(folder, name);
    char *joined = inner == NULL ? NULL : path_join(dir, inner);
    char *full = joined == NULL ? NULL : path_absolute(joined);
    bool ok = full != NULL && flags_add_new(files, full);
    free(full);
    free(joined);
    free(inner);
    return ok;
}

bool lookup_places(const struct flags *read, const char *dir, const struct flags *folders,
                   struct flags *files)
{
    struct flags places = {0};
    size_t len = strlen(dir);
    size_t added = 0;
    bool ok = flags_add_all_new(&places, folders) && flags_add_all_new(files, read);
    for (size_t i = 0; ok && i < read->count; i++) {
        const char *path = read->words[i];
        ok = is_system(path) || access(path, F_OK) != 0 || add_folder_of(path, &places);
    }
    for (size_t i = 0; ok && i < read->count; i++) {
        const char *path = read->words[i];
        bool below = strncmp(path, dir, len) == 0 && (path[len] == '/' || len == 1);
        if (!below || access(path, F_OK) == 0) {
            continue;
        }
        const char *name = path + len + (len > 1);
        for (size_t p = 0; ok && p < places.count && added < PLACES_MOST; p++, added++) {
            ok = add_in(dir, places.words[p], name, files);
        }
    }
    flags_finish(&places);
    return ok;
}
