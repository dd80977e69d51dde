/* One watched folder and the names in it that matter. */
#ifndef BUILDER_FOLDER_H
#define BUILDER_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct version { /* of a file, as it was last seen */
    bool there;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

struct entry {
    struct folder *home;
    struct folder *sub; /* the folder of that name, when it is watched; owned */
    char *told;         /* it stands for this path: a link's target; NULL: for itself */
    struct version known;
    uint64_t round, want_round; /* of the last walk that found it; that asked for it */
    bool is_file;               /* a source */
    bool is_folder;             /* to be entered; `sub` when it is */
    bool wanted;                /* asked for by name: it stays when it is missing */
    bool is_gap;                /* a missing folder: what is asked for lies behind it */
    bool is_git;                /* says what git ignores */
    bool is_link;
    char name[];
};

struct folder {
    char *path;        /* absolute */
    uint64_t identity; /* of its device and inode */
    size_t index;      /* among the tree's folders */
    int wd;            /* -1: not watched */
    bool unwatched;    /* though it should be: it is to be polled */
    bool is_base;      /* asked for by itself: when it goes, its coming is waited for */
    bool deep;         /* what is in it is judged by the rules; else only wanted names matter */
    /* Of the last walk into it; that asked for it; that saw to the way to it. */
    uint64_t round, base_round, way_round;
    struct folder *parent;  /* that has it as a `sub`; NULL: none */
    struct entry **entries; /* sorted by name up to `sorted` */
    size_t count, cap, sorted;
};

struct folder *folder_create(const char *path); /* NULL: no memory */

/* Its entries go with it; a `sub` must be gone before. */
void folder_destroy(struct folder *folder);

/* Among the sorted ones; NULL: there is none. */
struct entry *folder_find(const struct folder *folder, const char *name);

/* Behind the sorted ones; not there yet. NULL: no memory. */
struct entry *folder_append(struct folder *folder, const char *name);
void folder_sort(struct folder *folder);

/* At its place among the sorted ones. */
struct entry *folder_insert(struct folder *folder, const char *name);

void folder_remove(struct folder *folder, struct entry *entry);

/* "folder/name" into path[0..size). False: too long. */
bool folder_path(const struct folder *folder, const char *name, char *path, size_t size);

bool time_is_later(const struct timespec *a, const struct timespec *b);
struct version version_of(const struct stat *st);
bool version_equal(const struct version *a, const struct version *b); /* but for ctime */

#endif
