#define _GNU_SOURCE /* DT_LNK */
#include "builder/tree_parts.h"

#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JUST_NOW_S 2 /* the events of what was written may have waited */

struct walk {
    struct tree *tree;
    enum tree_look look;
    bool shallow;             /* not into folders that are known */
    struct timespec just_now; /* LOOK_RULES: what was written after this is a change */
};

/* Links are followed last, so that what has a name of its own goes by it. */
static void postpone(struct tree *tree, const struct folder *folder, const char *name)
{
    char **grown = realloc(tree->links, (tree->link_count + 1) * sizeof *grown);
    if (grown != NULL) {
        tree->links = grown;
        grown[tree->link_count] = path_join(folder->path, name);
    }
    if (grown == NULL || grown[tree->link_count] == NULL) {
        tree->lost = true;
        return;
    }
    tree->link_count++;
}

static void walk_file(struct walk *walk, struct folder *folder, const char *name,
                      const struct stat *st)
{
    struct tree *tree = walk->tree;
    struct entry *entry = folder_find(folder, name);
    if (entry == NULL) {
        entry = folder_append(folder, name);
    }
    if (entry == NULL) {
        tree->lost = true;
        return;
    }
    struct version before = entry->known;
    if (!entry->is_file) {
        before.there = false;
    }
    entry->is_file = true;
    entry->round = tree->round;
    entry->known = st == NULL ? (struct version){.there = false} : version_of(st);
    if (entry->told == NULL) {
        tree->files += entry->known.there ? 1 : 0;
        tree->files -= before.there ? 1 : 0;
    }
    bool news = walk->look == LOOK_NEWS && !version_equal(&before, &entry->known);
    news = news || (walk->look == LOOK_RULES && entry->known.there &&
                    (before.there ? !version_equal(&before, &entry->known)
                                  : time_is_later(&entry->known.ctime, &walk->just_now)));
    if (news) {
        tree_change(tree, entry, entry->known.there ? CHANGE_WHOLE : CHANGE_LEFT, before.there);
    }
}

static void walk_folder(struct walk *walk, struct folder *folder, const char *name, bool is_link)
{
    struct entry *entry = folder_find(folder, name);
    if (entry == NULL) {
        entry = folder_append(folder, name);
    }
    if (entry == NULL) {
        walk->tree->lost = true;
        return;
    }
    entry->round = walk->tree->round;
    entry->is_link = is_link;
    entry->is_folder = true;
}

static void walk_name(struct walk *walk, struct folder *folder, int dir_fd, const char *name,
                      unsigned char type)
{
    char path[PATH_MAX];
    struct stat st;
    if (!folder_path(folder, name, path, sizeof path)) {
        return;
    }
    bool is_link = type == DT_LNK;
    if (type == DT_UNKNOWN) {
        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            return;
        }
        is_link = S_ISLNK(st.st_mode);
        type = is_link ? DT_LNK : S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
    }
    if (is_link) {
        type = fstatat(dir_fd, name, &st, 0) == 0 && S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
    }
    if (type == DT_DIR) {
        if (rules_enter_folder(walk->tree->rules, path)) {
            walk_folder(walk, folder, name, is_link);
        }
    } else if (type == DT_REG && rules_take_file(walk->tree->rules, path)) {
        bool there = fstatat(dir_fd, name, &st, 0) == 0 && S_ISREG(st.st_mode);
        walk_file(walk, folder, name, there ? &st : NULL);
        if (is_link) {
            postpone(walk->tree, folder, name);
        }
    }
}

/* False: it is full of build output. */
static bool walk_names(struct walk *walk, struct folder *folder, DIR *dir)
{
    folder_sort(folder);
    for (struct dirent *found = readdir(dir); found != NULL; found = readdir(dir)) {
        const char *name = found->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            continue;
        }
        if (rules_tell_output(walk->tree->rules, folder->path, name)) {
            return false;
        }
        walk_name(walk, folder, dirfd(dir), name, found->d_type);
    }
    return true;
}

/* What a compiler wrote of what it read, or a source in D. */
bool tree_is_depfile(const struct tree *tree, const struct folder *folder, const char *name)
{
    static const char *const endings[] = {"",   ".c",  ".cc", ".cpp", ".cxx",
                                          ".m", ".mm", ".S",  ".cu"};
    const char *dot = strrchr(name, '.');
    char beside[NAME_MAX + 8];
    if (dot == NULL || strcmp(dot, ".d") != 0 || !rules_go_by_name(tree->rules)) {
        return false;
    }
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        (void)snprintf(beside, sizeof beside, "%.*s%s", (int)(dot - name), name, endings[i]);
        const struct entry *entry = folder_find(folder, beside);
        if (entry != NULL && entry->is_file) {
            return true;
        }
    }
    return false;
}

/* One that stays though the walk did not find it, since somebody asked for it. */
static void look_again(struct walk *walk, struct entry *entry)
{
    struct version before = tree_refresh(walk->tree, entry);
    if (walk->look == LOOK_NEWS && !version_equal(&before, &entry->known)) {
        tree_change(walk->tree, entry, entry->known.there ? CHANGE_WHOLE : CHANGE_LEFT,
                    before.there);
    }
}

static void drop_missing(struct walk *walk, struct folder *folder)
{
    for (size_t i = folder->count; i-- > 0;) {
        struct entry *entry = folder->entries[i];
        if (entry->round == walk->tree->round) {
            if (entry->is_file && !entry->wanted &&
                tree_is_depfile(walk->tree, folder, entry->name)) {
                tree_forget(walk->tree, entry, false);
            }
        } else if (!entry->wanted) {
            tree_forget(walk->tree, entry, walk->look == LOOK_NEWS);
        } else if (entry->is_file) {
            look_again(walk, entry);
        }
    }
}

static void walk_into(struct walk *walk, struct folder *folder);

/* Folders lie in each other some thousand deep at most, as long as paths can be: what walks into
 * them keeps no path on the stack. */
static void walk_sub(struct walk *walk, struct entry *entry)
{
    struct tree *tree = walk->tree;
    bool known = false;
    char *path = path_join(entry->home->path, entry->name);
    struct folder *sub = path == NULL ? NULL : tree_open(tree, path, &known);
    tree->lost = tree->lost || path == NULL;
    free(path);
    if (entry->sub != NULL && entry->sub != sub) {
        tree_drop(tree, entry->sub, walk->look == LOOK_NEWS); /* another one of that name */
    }
    if (sub == NULL) {
        return;
    }
    if (known && entry->sub != sub) {
        tree->doubled = true;
        /* One on the way to where walks begin would lead to all the world. */
        if (sub->deep || sub->parent != NULL || (entry->is_link && sub->is_base)) {
            return;
        }
    }
    bool fresh = entry->sub == NULL;
    entry->sub = sub;
    sub->parent = entry->home;
    if (fresh || !walk->shallow) {
        walk_into(walk, sub);
    }
}

enum reading {
    READ_ALL,
    READ_CLOSED, /* what is in it cannot be seen, or is none of our business */
    READ_NOTHING /* for now */
};

static enum reading read_folder(struct walk *walk, struct folder *folder)
{
    struct tree *tree = walk->tree;
    DIR *dir = opendir(folder->path);
    if (dir == NULL) {
        bool gone = errno == ENOENT || errno == ENOTDIR;
        bool closed = errno == EACCES || errno == ELOOP || errno == ENAMETOOLONG;
        tree->error = gone || closed ? tree->error : errno;
        return gone ? READ_ALL : closed ? READ_CLOSED : READ_NOTHING;
    }
    tree->lost = !rules_read_folder(tree->rules, folder->path) || tree->lost;
    bool kept = walk_names(walk, folder, dir);
    (void)closedir(dir);
    folder_sort(folder);
    if (!kept) {
        changes_drop_below(tree->changes, folder->path);
    }
    return kept ? READ_ALL : READ_CLOSED;
}

static void walk_into(struct walk *walk, struct folder *folder)
{
    struct tree *tree = walk->tree;
    folder->deep = true;
    folder->round = tree->round;
    tree_watch(tree, folder); /* before the look: what changes after it has an event */
    enum reading reading = read_folder(walk, folder);
    if (reading == READ_CLOSED && folder->parent != NULL && !folder->is_base) {
        tree_drop(tree, folder, false);
        return;
    }
    if (reading != READ_ALL) {
        tree_poll_folder(tree, folder);
        return;
    }
    drop_missing(walk, folder);
    for (size_t i = 0; i < folder->count; i++) {
        struct entry *entry = folder->entries[i];
        if (entry->is_folder && entry->is_link) {
            postpone(tree, folder, entry->name);
        } else if (entry->is_folder) {
            walk_sub(walk, entry);
        }
    }
}

static void follow_links(struct walk *walk)
{
    struct tree *tree = walk->tree;
    for (size_t i = 0; i < tree->link_count; i++) {
        struct entry *entry = tree_find(tree, tree->links[i]);
        if (entry != NULL && entry->is_folder) {
            walk_sub(walk, entry);
        } else if (entry != NULL && entry->is_file) {
            tree_want_target(tree, tree->links[i]);
        }
        free(tree->links[i]);
    }
    free(tree->links);
    tree->links = NULL;
    tree->link_count = 0;
}

static struct walk walk_begin(struct tree *tree, enum tree_look look)
{
    struct walk walk = {.tree = tree, .look = look};
    (void)clock_gettime(CLOCK_REALTIME, &walk.just_now);
    walk.just_now.tv_sec -= JUST_NOW_S;
    tree->full = false;
    tree->doubled = look == LOOK_NEWS && tree->doubled;
    return walk;
}

/* ---- all ---- */

static void want_git_files(struct tree *tree)
{
    const char *const *files = rules_git_files(tree->rules);
    for (size_t i = 0; files[i] != NULL; i++) {
        tree_want_git(tree, files[i]);
    }
}

static void walk_base(struct walk *walk, const char *base)
{
    struct stat st;
    bool known;
    if (stat(base, &st) == 0 && S_ISREG(st.st_mode)) {
        tree_want_file(walk->tree, base, walk->look == LOOK_NEWS ? NULL : &(struct timespec){0});
        return;
    }
    struct folder *folder = tree_base(walk->tree, base, &known);
    if (folder != NULL && folder->round != walk->tree->round) {
        walk_into(walk, folder);
    }
}

void tree_look(struct tree *tree, enum tree_look look)
{
    struct walk walk = walk_begin(tree, look);
    if (tree->rules == NULL) {
        tree_want_all(tree, NULL);
        return;
    }
    tree->round++;
    tree->lost = false;
    tree_drop_strays(tree, look == LOOK_NEWS);
    want_git_files(tree);
    size_t count;
    const char *const *bases = rules_bases(tree->rules, &count);
    for (size_t i = 0; i < count; i++) {
        walk_base(&walk, bases[i]);
        tree_watch_way(tree, bases[i]);
    }
    follow_links(&walk);
    tree_sweep(tree);
    tree->restructured = false;
}

void tree_enter(struct tree *tree, struct entry *entry, enum tree_look look)
{
    struct walk walk = walk_begin(tree, look);
    tree->round++;
    walk_sub(&walk, entry);
    follow_links(&walk);
}

void tree_poll(struct tree *tree)
{
    if (tree->rules == NULL) {
        tree->full = false;
        tree_want_all(tree, NULL);
        return;
    }
    struct walk walk = walk_begin(tree, LOOK_NEWS);
    walk.shallow = true;
    tree->round++;
    for (size_t f = tree->folder_count; f-- > 0;) {
        struct folder *folder = f < tree->folder_count ? tree->folders[f] : NULL;
        if (folder != NULL && folder->unwatched && folder->deep) {
            walk_into(&walk, folder);
        } else if (folder != NULL && folder->unwatched) {
            tree_watch(tree, folder);
            drop_missing(&walk, folder);
            tree->restructured = tree->restructured || tree_has_filled_gap(folder);
        }
    }
    follow_links(&walk);
}

bool tree_any_newer(const struct tree *tree, const struct timespec *than, char *path, size_t size)
{
    for (size_t f = 0; f < tree->folder_count; f++) {
        const struct folder *folder = tree->folders[f];
        for (size_t i = 0; i < folder->count; i++) {
            const struct entry *entry = folder->entries[i];
            if (entry->is_file && entry->known.there && time_is_later(&entry->known.mtime, than)) {
                return folder_path(folder, entry->name, path, size);
            }
        }
    }
    return false;
}
