/* What the tree's own parts need of each other. */
#ifndef BUILDER_TREE_PARTS_H
#define BUILDER_TREE_PARTS_H

#include "builder/tree.h"

/* The folder at `path`, made if it is not known yet (then it is not watched). NULL: it is missing,
 * or no memory. */
struct folder *tree_open(struct tree *tree, const char *path, bool *known);

/* The same for one that somebody asked for: while it is missing, its coming is waited for. */
struct folder *tree_base(struct tree *tree, const char *path, bool *known);

/* Sees to it that a way to a folder which comes to lead elsewhere is noticed. */
void tree_watch_way(struct tree *tree, const char *path);

/* Drops folders that were asked for and whose paths lead to them no more. */
void tree_drop_strays(struct tree *tree, bool tell);

/* Walks go by rules; these are the files that are asked for by name. `since` NULL: whatever
 * differs, or was not watched before, is a change; else see tree_set_files. */
void tree_want_file(struct tree *tree, const char *path, const struct timespec *since);
void tree_want_all(struct tree *tree, const struct timespec *since);

/* The entry of a path; NULL: it is not known. */
struct entry *tree_find(const struct tree *tree, const char *path);

/* Sets its watch, or what it asks for; counts it as unwatched where that fails. */
void tree_watch(struct tree *tree, struct folder *folder);

/* Wants one file; `told`: what it stands for, or NULL. `fresh`: it was not wanted before, and was
 * looked at here. NULL: its folder is missing and waited for, or no memory. */
struct entry *tree_want(struct tree *tree, const char *path, const char *told, bool *fresh);

/* Wants to know of changes of a file that says what git ignores, where its folder is there. */
void tree_want_git(struct tree *tree, const char *path);

/* The file at the end of a link is watched where it lies, and told by the link's name. */
void tree_want_target(struct tree *tree, const char *link);

/* Is to be looked at by the poll, watched or not. */
void tree_poll_folder(struct tree *tree, struct folder *folder);

/* Whether something that was missing in it has come. */
bool tree_has_filled_gap(const struct folder *folder);

/* Whether a name with the ending .d is a compiler's list and no source. */
bool tree_is_depfile(const struct tree *tree, const struct folder *folder, const char *name);

/* Forgets what was wanted in an earlier round, and folders in which nothing is. */
void tree_sweep(struct tree *tree);

void tree_clear(struct tree *tree); /* no folder is left */

/* With all that is below. `tell`: the files that were there are gone. */
void tree_drop(struct tree *tree, struct folder *folder, bool tell);
void tree_forget(struct tree *tree, struct entry *entry, bool tell); /* also its sub */

bool tree_leads_to(const struct folder *folder); /* its path still does */

/* Drops it when its path leads to it no more. */
void tree_check_place(struct tree *tree, struct folder *folder);

/* Looks at the file of `entry`. Returns the version before that. */
struct version tree_refresh(struct tree *tree, struct entry *entry);

void tree_change(struct tree *tree, const struct entry *entry, enum change_kind kind,
                 bool was_there);

#endif
