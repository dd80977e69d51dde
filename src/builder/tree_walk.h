/* What the tree's own parts need of each other. */
#ifndef BUILDER_TREE_WALK_H
#define BUILDER_TREE_WALK_H

#include "builder/tree.h"

/* The folder at `path`, made if it is not known yet (then it is not watched). NULL: it is missing,
 * or no memory. */
struct folder *tree_open(struct tree *tree, const char *path, bool *known);

/* The same for one that somebody asked for: while it is missing, its coming is waited for. */
struct folder *tree_base(struct tree *tree, const char *path, bool *known);

/* Sets its watch, or what it asks for; counts it as unwatched where that fails. */
void tree_watch(struct tree *tree, struct folder *folder);

/* Wants one file; `told`: what it stands for, or NULL. `fresh`: it was not wanted before, and was
 * looked at here. NULL: its folder is missing and waited for, or no memory. */
struct entry *tree_want(struct tree *tree, const char *path, const char *told, bool *fresh);

/* Forgets what was not found or wanted in this round, and folders in which nothing is. */
void tree_sweep(struct tree *tree);

void tree_clear(struct tree *tree); /* no folder is left */

/* With all that is below. `tell`: the files that were there are gone. */
void tree_drop(struct tree *tree, struct folder *folder, bool tell);
void tree_forget(struct tree *tree, struct entry *entry, bool tell); /* also its sub */

/* Drops it when its path leads to it no more. */
void tree_check_place(struct tree *tree, struct folder *folder);

/* Looks at the file of `entry`. Returns the version before that. */
struct version tree_refresh(struct tree *tree, struct entry *entry);

void tree_change(struct tree *tree, const struct entry *entry, enum change_kind kind,
                 bool was_there);

#endif
