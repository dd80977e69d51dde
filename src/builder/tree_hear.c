#include "builder/tree_parts.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT_BYTES 65536
#define READS_MOST  64

/* A link or a hard link is whole when it appears; what was just created is not until its writer
 * closes it. link(2) has touched the inode after its last write, even where the other name is gone
 * already. */
static bool is_whole(const struct stat *st)
{
    return !S_ISREG(st->st_mode) || st->st_nlink > 1 ||
           (st->st_size > 0 && (st->st_ctim.tv_sec != st->st_mtim.tv_sec ||
                                st->st_ctim.tv_nsec != st->st_mtim.tv_nsec));
}

/* NULL: no memory. */
static struct entry *add_entry(struct tree *tree, struct folder *folder, const char *name)
{
    struct entry *entry = folder_insert(folder, name);
    if (entry == NULL) {
        tree->lost = true;
    } else {
        entry->round = tree->round;
    }
    return entry;
}

static void hear_file(struct tree *tree, struct folder *folder, struct entry *entry,
                      const char *name, uint32_t mask)
{
    char path[PATH_MAX];
    if (entry == NULL &&
        (!folder->deep || !folder_path(folder, name, path, sizeof path) ||
         !rules_take_file(tree->rules, path) || tree_is_depfile(tree, folder, name))) {
        return;
    }
    bool gone = (mask & (IN_DELETE | IN_MOVED_FROM)) != 0;
    if (entry == NULL && gone) {
        return;
    }
    entry = entry != NULL ? entry : add_entry(tree, folder, name);
    if (entry == NULL) {
        return;
    }
    if (!entry->is_file) {
        if (entry->is_gap || entry->is_git || entry->is_folder) {
            return;
        }
        entry->is_file = true;
    }
    struct version before = tree_refresh(tree, entry);
    enum change_kind kind = gone ? CHANGE_LEFT : CHANGE_WHOLE;
    struct stat st;
    if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0 && folder_path(folder, name, path, sizeof path) &&
        lstat(path, &st) == 0) {
        if ((mask & IN_CREATE) != 0 && !is_whole(&st)) {
            kind = CHANGE_OPENED;
        }
        if (S_ISLNK(st.st_mode)) {
            tree_want_target(tree, path);
        }
    }
    if ((mask & IN_ATTRIB) != 0 && version_equal(&before, &entry->known)) {
        return; /* another mode, another owner */
    }
    tree_change(tree, entry, kind, before.there);
    if (gone && !entry->wanted && !entry->known.there) {
        tree_forget(tree, entry, false);
    }
}

static void hear_folder(struct tree *tree, struct folder *folder, struct entry *entry,
                        const char *name, uint32_t mask)
{
    char path[PATH_MAX];
    if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
        if (entry != NULL && entry->is_folder) {
            if (entry->wanted) {
                if (entry->sub != NULL) {
                    tree_drop(tree, entry->sub, true);
                }
            } else {
                tree_forget(tree, entry, true);
            }
            tree->lost = tree->lost || tree->doubled;
        }
        return;
    }
    bool opened = (mask & IN_ATTRIB) != 0 && entry != NULL && entry->sub == NULL;
    if (((mask & (IN_CREATE | IN_MOVED_TO)) == 0 && !opened) || !folder->deep ||
        !folder_path(folder, name, path, sizeof path) || !rules_enter_folder(tree->rules, path)) {
        return;
    }
    entry = entry != NULL ? entry : add_entry(tree, folder, name);
    if (entry == NULL) {
        return;
    }
    entry->is_folder = true;
    tree_enter(tree, entry, LOOK_NEWS);
}

static bool is_link_to_folder(const struct folder *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    return folder_path(folder, name, path, sizeof path) && lstat(path, &st) == 0 &&
           S_ISLNK(st.st_mode) && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void hear_name(struct tree *tree, struct folder *folder, const char *name, uint32_t mask)
{
    if (folder->deep && rules_tell_output(tree->rules, folder->path, name) &&
        folder->parent != NULL && (mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
        tree_drop(tree, folder, false);
        return;
    }
    folder_sort(folder);
    struct entry *entry = folder_find(folder, name);
    if (entry != NULL && entry->is_gap) {
        tree->restructured = true;
    }
    if ((folder->deep && (strcmp(name, ".gitignore") == 0 ||
                          ((mask & IN_ATTRIB) == 0 && strcmp(name, ".git") == 0))) ||
        (entry != NULL && entry->is_git)) {
        tree->git_changed = true;
    }
    bool is_folder = (mask & IN_ISDIR) != 0 || (entry != NULL && entry->is_folder);
    if (!is_folder && folder->deep && (mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
        is_folder = is_link_to_folder(folder, name);
    }
    if (is_folder) {
        hear_folder(tree, folder, entry, name, mask);
    } else {
        hear_file(tree, folder, entry, name, mask);
    }
}

static bool hear_event(struct tree *tree, const struct inotify_event *event)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        tree->lost = true;
        return true;
    }
    struct folder *folder = table_get(&tree->by_wd, (uint64_t)event->wd);
    if (folder == NULL) {
        return false;
    }
    if ((event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_UNMOUNT)) != 0) {
        tree_drop(tree, folder, true);
    } else if ((event->mask & IN_MOVE_SELF) != 0) {
        tree_check_place(tree, folder);
    } else if (event->len > 0) {
        hear_name(tree, folder, event->name, event->mask);
    }
    return true;
}

bool tree_hear(struct tree *tree)
{
    _Alignas(struct inotify_event) char buffer[EVENT_BYTES];
    bool any = false;
    /* Not without an end, where somebody writes faster than this reads. */
    for (int i = 0; i < READS_MOST; i++) {
        ssize_t got = tree->fd < 0 ? -1 : read(tree->fd, buffer, sizeof buffer);
        if (got <= 0) {
            break;
        }
        for (const char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const void *)at;
            any = hear_event(tree, event) || any;
            at += sizeof *event + event->len;
        }
    }
    return any;
}
