#define _GNU_SOURCE /* realpath */
#include "builder/tree_parts.h"

#include "base/path.h"

#include <stdlib.h>
#include <string.h>

/* ---- folders ---- */

static struct entry *entry_of(struct tree *tree, struct folder *folder, const char *name)
{
    folder_sort(folder);
    struct entry *entry = folder_find(folder, name);
    if (entry == NULL) {
        entry = folder_insert(folder, name);
        tree->lost = tree->lost || entry == NULL;
    }
    if (entry != NULL) {
        entry->want_round = tree->round;
        entry->wanted = true;
    }
    return entry;
}

/* The nearest folder above `path` that is there waits for the one behind it. */
static void want_gap(struct tree *tree, const char *path)
{
    char *at = strdup(path);
    for (char *slash = at == NULL ? NULL : strrchr(at, '/'); slash != NULL;
         slash = strrchr(at, '/')) {
        char *name = strdup(slash + 1);
        *slash = '\0';
        bool known;
        struct folder *folder = tree_open(tree, at[0] == '\0' ? "/" : at, &known);
        if (folder != NULL && name != NULL) {
            struct entry *entry = entry_of(tree, folder, name);
            if (entry != NULL) {
                entry->is_gap = true;
            }
            tree_watch(tree, folder);
        }
        free(name);
        if (folder != NULL) {
            break;
        }
    }
    free(at);
}

bool tree_has_filled_gap(const struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        char path[PATH_MAX];
        struct stat st;
        if (folder->entries[i]->is_gap &&
            folder_path(folder, folder->entries[i]->name, path, sizeof path) &&
            stat(path, &st) == 0) {
            return true;
        }
    }
    return false;
}

struct folder *tree_base(struct tree *tree, const char *path, bool *known)
{
    struct folder *folder = tree_open(tree, path, known);
    if (folder == NULL) {
        want_gap(tree, path);
        folder = tree_open(tree, path, known); /* it may have come before the watch */
    }
    if (folder != NULL) {
        folder->is_base = true;
        folder->base_round = tree->round;
    }
    return folder;
}

/* The way from the top of the file system to a folder that is watched: when a folder on it is
 * moved, or a link, the path leads elsewhere. */
void tree_watch_way(struct tree *tree, const char *path)
{
    char *way = strdup(path);
    for (char *slash = way == NULL ? NULL : strrchr(way, '/'); slash != NULL;
         slash = strrchr(way, '/')) {
        struct stat st;
        bool is_link = lstat(way, &st) == 0 && S_ISLNK(st.st_mode);
        char *name = is_link ? strdup(slash + 1) : NULL;
        *slash = '\0';
        bool known;
        struct folder *folder = tree_base(tree, slash == way ? "/" : way, &known);
        struct entry *entry = folder == NULL || name == NULL ? NULL : entry_of(tree, folder, name);
        if (entry != NULL) {
            entry->is_gap = true;
        }
        free(name);
        if (folder != NULL && folder->way_round == tree->round) {
            break;
        }
        if (folder != NULL) {
            folder->way_round = tree->round;
            tree_watch(tree, folder);
        }
    }
    free(way);
}

struct entry *tree_want(struct tree *tree, const char *path, const char *told, bool *fresh)
{
    char *dir = path_dir(path);
    bool known;
    struct folder *folder = dir == NULL ? NULL : tree_base(tree, dir, &known);
    free(dir);
    struct entry *entry = folder == NULL ? NULL : entry_of(tree, folder, path_base(path));
    if (entry == NULL) {
        return NULL;
    }
    *fresh = !entry->is_file;
    if (*fresh && told != NULL) {
        entry->told = strdup(told);
        tree->lost = tree->lost || entry->told == NULL;
    }
    entry->is_file = true;
    if (folder->wd < 0 || (*fresh && !folder->deep)) {
        tree_watch(tree, folder); /* before the look: what changes after it has an event */
    }
    if (*fresh) {
        (void)tree_refresh(tree, entry);
    }
    return entry;
}

void tree_want_git(struct tree *tree, const char *path)
{
    char *dir = path_dir(path);
    bool known;
    struct folder *folder = dir == NULL ? NULL : tree_open(tree, dir, &known);
    struct entry *entry = folder == NULL ? NULL : entry_of(tree, folder, path_base(path));
    if (entry != NULL) {
        entry->is_git = true;
        tree_watch(tree, folder);
    }
    free(dir);
}

/* ---- what is not asked for any more ---- */

/* What was asked for in an earlier round; what the rules found stays. */
static void sweep_names(struct tree *tree, struct folder *folder)
{
    for (size_t i = folder->count; i-- > 0;) {
        struct entry *entry = folder->entries[i];
        if (!entry->wanted || entry->want_round == tree->round) {
            continue;
        }
        entry->wanted = entry->is_gap = entry->is_git = false;
        if (!folder->deep || (!entry->is_folder && entry->round != tree->round)) {
            tree_forget(tree, entry, false);
        }
    }
}

void tree_sweep(struct tree *tree)
{
    for (size_t f = tree->folder_count; f-- > 0;) {
        sweep_names(tree, tree->folders[f]);
    }
    for (size_t f = tree->folder_count; f-- > 0;) {
        struct folder *folder = tree->folders[f];
        folder->is_base = folder->is_base && folder->base_round == tree->round;
        if (folder->count == 0 && !folder->deep && !folder->is_base) {
            tree_drop(tree, folder, false);
        }
    }
}

void tree_drop_strays(struct tree *tree, bool tell)
{
    for (size_t f = tree->folder_count; f-- > 0;) {
        if (f < tree->folder_count && tree->folders[f]->is_base &&
            !tree_leads_to(tree->folders[f])) {
            tree_drop(tree, tree->folders[f], tell);
        }
    }
}

/* ---- files by name ---- */

void tree_want_target(struct tree *tree, const char *link)
{
    struct stat st;
    bool is_link = lstat(link, &st) == 0 && S_ISLNK(st.st_mode);
    char *target = is_link ? realpath(link, NULL) : NULL;
    if (target != NULL) {
        bool fresh;
        (void)tree_want(tree, target, link, &fresh);
    }
    free(target);
}

static bool is_absent(const struct timespec *time)
{
    return time->tv_sec == 0 && time->tv_nsec == 0;
}

void tree_want_file(struct tree *tree, const char *path, const struct timespec *since)
{
    bool fresh;
    struct entry *entry = tree_want(tree, path, NULL, &fresh);
    if (entry != NULL) {
        struct version before = {.there = false};
        if (!fresh) {
            before = tree_refresh(tree, entry);
        }
        bool differs = !version_equal(&before, &entry->known);
        if (fresh && since != NULL) {
            differs = entry->known.there && !is_absent(since) &&
                      time_is_later(&entry->known.mtime, since);
        }
        if (differs) {
            tree_change(tree, entry, entry->known.there ? CHANGE_WHOLE : CHANGE_LEFT, before.there);
        }
    }
    tree_want_target(tree, path);
    tree_watch_way(tree, path);
}

void tree_want_all(struct tree *tree, const struct timespec *since)
{
    tree->round++;
    tree->lost = false;
    tree_drop_strays(tree, since == NULL);
    for (size_t i = 0; i < tree->wanted_count; i++) {
        tree_want_file(tree, tree->wanted[i], since);
    }
    tree_sweep(tree);
    tree->restructured = false;
}

bool tree_set_files(struct tree *tree, const char *const *paths, size_t count,
                    const struct timespec *since)
{
    char **copies = calloc(count + 1, sizeof *copies);
    bool ok = copies != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        copies[i] = strdup(paths[i]);
        ok = copies[i] != NULL;
    }
    char **old = ok ? tree->wanted : copies;
    size_t old_count = ok ? tree->wanted_count : count;
    if (ok) {
        if (tree->rules != NULL) {
            tree_clear(tree);
            tree->rules = NULL;
        }
        tree->wanted = copies;
        tree->wanted_count = count;
        tree->full = false;
        tree_want_all(tree, since);
    }
    for (size_t i = 0; old != NULL && i < old_count; i++) {
        free(old[i]);
    }
    free(old);
    return ok;
}
