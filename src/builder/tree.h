/* The watched folders: found by walking, or asked for by the files in them; an inotify watch on
 * each. Adds what changes to a list. */
#ifndef BUILDER_TREE_H
#define BUILDER_TREE_H

#include "builder/changes.h"
#include "builder/folder.h"
#include "builder/rules.h"
#include "builder/table.h"

#include <stdbool.h>
#include <stddef.h>

struct tree {
    struct rules *rules; /* borrowed; NULL: files by name alone */
    struct changes *changes;
    int fd; /* inotify, non-blocking; -1: could not be had */

    struct table by_identity, by_wd; /* folders */
    struct folder **folders;         /* all of them */
    size_t folder_count, folder_cap;
    uint64_t round;
    size_t files;      /* sources that are there */
    size_t unwatched;  /* folders */
    int error;         /* the errno of the last watch that could not be had; 0: none */
    bool full;         /* watches are used up: trying on is no use for now */
    bool restructured; /* a folder that is asked for has come or gone */
    bool git_changed;  /* what git ignores is to be read again */
    bool lost;         /* events were lost, or memory was short: look at all */
    bool doubled;      /* a folder is reached in more than one way */

    char **wanted; /* files, without rules */
    size_t wanted_count;

    char **links; /* to be followed when all that is no link is known */
    size_t link_count;
};

enum tree_look {
    LOOK_FIRST, /* what is found was there already */
    LOOK_NEWS,  /* what is found anew, is different or missing, is a change */
    LOOK_RULES  /* the rules are other ones: only what was written just now is a change */
};

/* Takes `fd`, which may be -1. */
void tree_init(struct tree *tree, int fd, struct rules *rules, struct changes *changes);
void tree_finish(struct tree *tree); /* does not close fd */

/* Walks from the bases of the rules, again where it has done so; with no rules: looks at the wanted
 * files. Waits for what is missing: its coming sets `restructured`. */
void tree_look(struct tree *tree, enum tree_look look);

/* From here on no rules, and exactly these files (absolute). One that was not watched before and
 * was written after `since` ({0, 0}: never) is a change. False: no memory, and all is as before. */
bool tree_set_files(struct tree *tree, const char *const *paths, size_t count,
                    const struct timespec *since);

/* The folder of `entry`, which has come or may have changed unseen. */
void tree_enter(struct tree *tree, struct entry *entry, enum tree_look look);

/* Looks into what is not watched, and tries to watch it. */
void tree_poll(struct tree *tree);

/* The first source found that was written after `than`, into path[0..size). */
bool tree_any_newer(const struct tree *tree, const struct timespec *than, char *path, size_t size);

/* Reads what inotify has to say, some megabytes at most. True when there was anything that matters.
 */
bool tree_hear(struct tree *tree);

#endif
