#define _GNU_SOURCE /* DT_LNK */
#include "builder/tree_walk.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct walk {
    struct tree *tree;
    enum tree_look look;
    struct timespec just_now; /* LOOK_RULES: what was written after this is a change */
};

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static void walk_file(struct walk *walk, struct folder *folder, const char *name,
                      const struct stat *st, bool is_link)
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
    entry->is_link = is_link;
    entry->round = tree->round;
    entry->known = st == NULL ? (struct version){.there = false} : version_of(st);
    if (entry->told == NULL) {
        tree->files += entry->known.there ? 1 : 0;
        tree->files -= before.there ? 1 : 0;
    }
    bool news = walk->look == LOOK_NEWS && !version_equal(&before, &entry->known);
    news = news || (walk->look == LOOK_RULES && entry->known.there &&
                    (before.there ? !version_equal(&before, &entry->known)
                                  : is_later(&entry->known.ctime, &walk->just_now)));
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
        walk_file(walk, folder, name, there ? &st : NULL, is_link);
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

static void drop_missing(struct walk *walk, struct folder *folder)
{
    for (size_t i = folder->count; i-- > 0;) {
        struct entry *entry = folder->entries[i];
        if (entry->round == walk->tree->round) {
            continue;
        }
        if (!entry->wanted) {
            tree_forget(walk->tree, entry, walk->look == LOOK_NEWS);
        } else if (entry->is_file) {
            struct version before = tree_refresh(walk->tree, entry);
            if (walk->look != LOOK_FIRST && !version_equal(&before, &entry->known)) {
                tree_change(walk->tree, entry, entry->known.there ? CHANGE_WHOLE : CHANGE_LEFT,
                            before.there);
            }
        }
    }
}

static void postpone(struct tree *tree, struct entry *entry)
{
    char path[PATH_MAX];
    char **grown = realloc(tree->links, (tree->link_count + 1) * sizeof *grown);
    if (grown == NULL) {
        tree->lost = true;
        return;
    }
    tree->links = grown;
    if (folder_path(entry->home, entry->name, path, sizeof path) &&
        (grown[tree->link_count] = strdup(path)) != NULL) {
        tree->link_count++;
    }
}

static void walk_into(struct walk *walk, struct folder *folder);

static void walk_sub(struct walk *walk, struct entry *entry)
{
    struct tree *tree = walk->tree;
    char path[PATH_MAX];
    bool known;
    if (!folder_path(entry->home, entry->name, path, sizeof path)) {
        return;
    }
    struct folder *sub = tree_open(tree, path, &known);
    if (entry->sub != NULL && entry->sub != sub) {
        tree_drop(tree, entry->sub, walk->look == LOOK_NEWS); /* another one of that name */
    }
    if (sub == NULL) {
        return;
    }
    if (known && entry->sub != sub) {
        tree->doubled = true;
        if (sub->deep || sub->parent != NULL) {
            return;
        }
    }
    entry->sub = sub;
    sub->parent = entry->home;
    walk_into(walk, sub);
}

static void walk_into(struct walk *walk, struct folder *folder)
{
    struct tree *tree = walk->tree;
    folder->deep = true;
    folder->round = tree->round;
    tree_watch(tree, folder);
    DIR *dir = opendir(folder->path);
    if (dir == NULL) {
        tree->error = errno == EMFILE || errno == ENFILE ? errno : tree->error;
        return;
    }
    tree->lost = !rules_read_folder(tree->rules, folder->path) || tree->lost;
    bool kept = walk_names(walk, folder, dir);
    (void)closedir(dir);
    folder_sort(folder);
    if (!kept) {
        if (folder->parent != NULL) {
            tree_drop(tree, folder, false);
        }
        return;
    }
    drop_missing(walk, folder);
    for (size_t i = 0; i < folder->count; i++) {
        struct entry *entry = folder->entries[i];
        if (entry->is_folder && entry->is_link && entry->sub == NULL) {
            postpone(tree, entry);
        } else if (entry->is_folder) {
            walk_sub(walk, entry);
        }
    }
}

/* Links last, so that a folder has its own name where it has one. */
static void follow_links(struct walk *walk)
{
    struct tree *tree = walk->tree;
    for (size_t i = 0; i < tree->link_count; i++) {
        char *slash = strrchr(tree->links[i], '/');
        *slash = '\0';
        bool known;
        struct folder *home = tree_open(tree, tree->links[i], &known);
        struct entry *entry = home == NULL || !known ? NULL : folder_find(home, slash + 1);
        if (entry != NULL && entry->is_folder) {
            walk_sub(walk, entry);
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
    uint64_t ago = tree->changes->count == 0 ? 0 : clock_ns() - tree->changes->first_ns;
    ago += 10 * NS_PER_MS; /* files have the time of the last tick */
    walk.just_now.tv_sec -= (time_t)(ago / NS_PER_S) + 1;
    walk.just_now.tv_nsec += (long)(NS_PER_S - ago % NS_PER_S);
    if (walk.just_now.tv_nsec >= (long)NS_PER_S) {
        walk.just_now.tv_sec++;
        walk.just_now.tv_nsec -= (long)NS_PER_S;
    }
    tree->full = false;
    tree->doubled = look == LOOK_NEWS && tree->doubled;
    return walk;
}

/* ---- files by name ---- */

static bool is_absent(const struct timespec *time)
{
    return time->tv_sec == 0 && time->tv_nsec == 0;
}

/* `since` NULL: all that differs, or was not watched before, is a change. */
static void want_all(struct tree *tree, const struct timespec *since)
{
    tree->round++;
    tree->restructured = tree->lost = false;
    for (size_t i = 0; i < tree->wanted_count; i++) {
        bool fresh;
        struct entry *entry = tree_want(tree, tree->wanted[i], NULL, &fresh);
        if (entry == NULL) {
            continue;
        }
        struct version before = {.there = false};
        if (!fresh) {
            before = tree_refresh(tree, entry);
        }
        bool differs = !version_equal(&before, &entry->known);
        if (fresh && since != NULL) {
            differs =
                entry->known.there && !is_absent(since) && is_later(&entry->known.mtime, since);
        }
        if (differs) {
            tree_change(tree, entry, entry->known.there ? CHANGE_WHOLE : CHANGE_LEFT, before.there);
        }
    }
    tree_sweep(tree);
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
        want_all(tree, since);
    }
    for (size_t i = 0; old != NULL && i < old_count; i++) {
        free(old[i]);
    }
    free(old);
    return ok;
}

/* ---- all ---- */

void tree_look(struct tree *tree, enum tree_look look)
{
    struct walk walk = walk_begin(tree, look);
    if (tree->rules == NULL) {
        want_all(tree, NULL);
        return;
    }
    tree->round++;
    tree->restructured = tree->lost = false;
    size_t count;
    const char *const *bases = rules_bases(tree->rules, &count);
    for (size_t i = 0; i < count; i++) {
        bool known;
        struct folder *folder = tree_base(tree, bases[i], &known);
        if (folder != NULL && folder->round != tree->round) {
            walk_into(&walk, folder);
        }
    }
    follow_links(&walk);
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
    struct walk walk = walk_begin(tree, LOOK_NEWS);
    if (tree->rules == NULL) {
        want_all(tree, NULL);
        return;
    }
    (void)walk;
    tree_look(tree, LOOK_NEWS);
}

bool tree_any_newer(const struct tree *tree, const struct timespec *than, char *path, size_t size)
{
    for (size_t f = 0; f < tree->folder_count; f++) {
        const struct folder *folder = tree->folders[f];
        for (size_t i = 0; i < folder->count; i++) {
            const struct entry *entry = folder->entries[i];
            if (entry->is_file && entry->known.there && is_later(&entry->known.mtime, than)) {
                return folder_path(folder, entry->name, path, size);
            }
        }
    }
    return false;
}
