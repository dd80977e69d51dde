#include "builder/tree.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/path.h"
#include "builder/tree_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF)
#define GAP_EVENTS  (SELF_EVENTS | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM)
#define ALL_EVENTS  (GAP_EVENTS | IN_CLOSE_WRITE | IN_ATTRIB | IN_EXCL_UNLINK)

void tree_init(struct tree *tree, int fd, struct rules *rules, struct changes *changes)
{
    *tree = (struct tree){.fd = fd, .rules = rules, .changes = changes};
}

/* ---- folders ---- */

static uint64_t identity_of(const struct stat *st)
{
    uint64_t parts[] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino};
    return hash_bytes(parts, sizeof parts);
}

bool tree_leads_to(const struct folder *folder)
{
    struct stat st;
    return stat(folder->path, &st) == 0 && identity_of(&st) == folder->identity;
}

static void set_watch(struct tree *tree, struct folder *folder, int wd, bool unwatched)
{
    if (folder->wd >= 0 && folder->wd != wd) {
        table_remove(&tree->by_wd, (uint64_t)folder->wd);
    }
    folder->wd = wd;
    tree->unwatched += unwatched ? 1 : 0;
    tree->unwatched -= folder->unwatched ? 1 : 0;
    folder->unwatched = unwatched;
}

static void unwatch(struct tree *tree, struct folder *folder)
{
    if (folder->wd >= 0) {
        (void)inotify_rm_watch(tree->fd, folder->wd); /* fails when the folder is gone */
    }
    set_watch(tree, folder, -1, false);
}

/* A folder that is only passed, or where something is waited for, costs no wake-up for more. */
static uint32_t events_of(const struct folder *folder)
{
    uint32_t events = folder->deep ? ALL_EVENTS : SELF_EVENTS;
    for (size_t i = 0; i < folder->count && events != ALL_EVENTS; i++) {
        const struct entry *entry = folder->entries[i];
        events = entry->is_file || entry->is_git ? ALL_EVENTS : GAP_EVENTS;
    }
    return events;
}

static int add_watch(struct tree *tree, const struct folder *folder, uint32_t events)
{
    if (tree->fd < 0 || tree->full) {
        return -1;
    }
    int wd = inotify_add_watch(tree->fd, folder->path, events | IN_ONLYDIR);
    if (wd >= 0) {
        return wd;
    }
    if (errno == ENOENT) {
        tree->lost = true;
    } else if (errno != EACCES || events != SELF_EVENTS) { /* as /home is often closed to readers */
        tree->error = errno;
        tree->full = errno == ENOSPC;
    }
    return -1;
}

void tree_watch(struct tree *tree, struct folder *folder)
{
    uint32_t events = events_of(folder);
    int wd = add_watch(tree, folder, events);
    struct folder *other = wd < 0 ? NULL : table_get(&tree->by_wd, (uint64_t)wd);
    if ((other != NULL && other != folder) ||
        (wd >= 0 && !table_put(&tree->by_wd, (uint64_t)wd, folder))) {
        wd = -1; /* it moved while one looked: its other place is about to be dropped */
        tree->lost = true;
    }
    set_watch(tree, folder, wd, wd < 0 && events != SELF_EVENTS);
}

void tree_poll_folder(struct tree *tree, struct folder *folder)
{
    set_watch(tree, folder, folder->wd, true);
}

static bool remember(struct tree *tree, struct folder *folder)
{
    if (!array_reserve(&tree->folders, &tree->folder_cap, tree->folder_count + 1,
                       sizeof(struct folder *)) ||
        !table_put(&tree->by_identity, folder->identity, folder)) {
        return false;
    }
    folder->index = tree->folder_count;
    tree->folders[tree->folder_count++] = folder;
    return true;
}

struct folder *tree_open(struct tree *tree, const char *path, bool *known)
{
    struct stat st;
    *known = false;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return NULL;
    }
    uint64_t identity = identity_of(&st);
    struct folder *folder = table_get(&tree->by_identity, identity);
    if (folder != NULL && tree_leads_to(folder)) {
        *known = true;
        return folder;
    }
    if (folder != NULL) {
        tree->lost = true; /* moved just now: the walk that finds it missing there comes first */
        return NULL;
    }
    folder = folder_create(path);
    if (folder != NULL) {
        folder->identity = identity;
        if (remember(tree, folder)) {
            return folder;
        }
        folder_destroy(folder);
    }
    tree->lost = true;
    return NULL;
}

void tree_drop(struct tree *tree, struct folder *folder, bool tell)
{
    while (folder->count > 0) {
        tree_forget(tree, folder->entries[folder->count - 1], tell);
    }
    unwatch(tree, folder);
    table_remove(&tree->by_identity, folder->identity);
    struct folder *last = tree->folders[--tree->folder_count];
    tree->folders[folder->index] = last;
    last->index = folder->index;
    tree->restructured = tree->restructured || folder->is_base;
    if (folder->parent != NULL) {
        for (size_t i = 0; i < folder->parent->count; i++) {
            if (folder->parent->entries[i]->sub == folder) {
                folder->parent->entries[i]->sub = NULL;
            }
        }
    }
    folder_destroy(folder);
}

void tree_forget(struct tree *tree, struct entry *entry, bool tell)
{
    if (entry->sub != NULL) {
        struct folder *sub = entry->sub;
        entry->sub = NULL;
        sub->parent = entry->home;
        tree_drop(tree, sub, tell);
    }
    if (entry->is_file && entry->known.there) {
        tree->files -= entry->told == NULL ? 1 : 0;
        if (tell) {
            tree_change(tree, entry, CHANGE_LEFT, true);
        }
    }
    tree->restructured = tree->restructured || entry->wanted;
    folder_remove(entry->home, entry);
}

void tree_check_place(struct tree *tree, struct folder *folder)
{
    if (!tree_leads_to(folder)) {
        tree_drop(tree, folder, true);
    }
}

/* ---- files ---- */

struct entry *tree_find(const struct tree *tree, const char *path)
{
    char *dir = path_dir(path);
    struct stat st;
    struct folder *folder = NULL;
    if (dir != NULL && stat(dir, &st) == 0) {
        folder = table_get(&tree->by_identity, identity_of(&st));
    }
    free(dir);
    return folder == NULL ? NULL : folder_find(folder, path_base(path));
}

void tree_change(struct tree *tree, const struct entry *entry, enum change_kind kind,
                 bool was_there)
{
    char path[PATH_MAX];
    if (entry->told != NULL) {
        struct entry *link = tree_find(tree, entry->told);
        if (link != NULL && link->is_file) {
            (void)tree_refresh(tree, link); /* or a later look would tell of it again */
        }
        changes_add(tree->changes, entry->told, kind, was_there, clock_ns());
    } else if (folder_path(entry->home, entry->name, path, sizeof path)) {
        changes_add(tree->changes, path, kind, was_there, clock_ns());
    }
}

struct version tree_refresh(struct tree *tree, struct entry *entry)
{
    struct version before = entry->known;
    char path[PATH_MAX];
    struct stat st;
    entry->known = (struct version){.there = false};
    if (folder_path(entry->home, entry->name, path, sizeof path) && stat(path, &st) == 0 &&
        S_ISREG(st.st_mode)) {
        entry->known = version_of(&st);
    }
    if (entry->told == NULL && entry->is_file) {
        tree->files += entry->known.there ? 1 : 0;
        tree->files -= before.there ? 1 : 0;
    }
    return before;
}

void tree_clear(struct tree *tree)
{
    while (tree->folder_count > 0) {
        tree_drop(tree, tree->folders[tree->folder_count - 1], false);
    }
}

void tree_finish(struct tree *tree)
{
    tree_clear(tree);
    for (size_t i = 0; i < tree->wanted_count; i++) {
        free(tree->wanted[i]);
    }
    free(tree->wanted);
    free(tree->folders);
    table_finish(&tree->by_identity);
    table_finish(&tree->by_wd);
}
