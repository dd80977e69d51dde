#include "builder/folder.h"

#include "base/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct folder *folder_create(const char *path)
{
    struct folder *folder = calloc(1, sizeof *folder);
    if (folder == NULL) {
        return NULL;
    }
    folder->wd = -1;
    folder->path = strdup(path);
    if (folder->path == NULL) {
        free(folder);
        return NULL;
    }
    return folder;
}

static void entry_destroy(struct entry *entry)
{
    free(entry->told);
    free(entry);
}

void folder_destroy(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        entry_destroy(folder->entries[i]);
    }
    free(folder->entries);
    free(folder->path);
    free(folder);
}

/* The first place whose name is not before `name`. */
static size_t place_of(const struct folder *folder, const char *name)
{
    size_t low = 0, high = folder->sorted;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(folder->entries[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct entry *folder_find(const struct folder *folder, const char *name)
{
    size_t at = place_of(folder, name);
    return at < folder->sorted && strcmp(folder->entries[at]->name, name) == 0 ? folder->entries[at]
                                                                               : NULL;
}

struct entry *folder_append(struct folder *folder, const char *name)
{
    if (!array_reserve(&folder->entries, &folder->cap, folder->count + 1, sizeof(struct entry *))) {
        return NULL;
    }
    size_t len = strlen(name) + 1;
    struct entry *entry = calloc(1, sizeof *entry + len);
    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->name, name, len);
    entry->home = folder;
    folder->entries[folder->count++] = entry;
    return entry;
}

static int by_name(const void *a, const void *b)
{
    const struct entry *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

void folder_sort(struct folder *folder)
{
    if (folder->sorted < folder->count) {
        qsort(folder->entries, folder->count, sizeof(struct entry *), by_name);
        folder->sorted = folder->count;
    }
}

struct entry *folder_insert(struct folder *folder, const char *name)
{
    folder_sort(folder);
    size_t at = place_of(folder, name);
    struct entry *entry = folder_append(folder, name);
    if (entry != NULL) {
        memmove(&folder->entries[at + 1], &folder->entries[at],
                (folder->count - 1 - at) * sizeof(struct entry *));
        folder->entries[at] = entry;
        folder->sorted = folder->count;
    }
    return entry;
}

void folder_remove(struct folder *folder, struct entry *entry)
{
    folder_sort(folder);
    size_t at = place_of(folder, entry->name);
    memmove(&folder->entries[at], &folder->entries[at + 1],
            (folder->count - 1 - at) * sizeof(struct entry *));
    folder->sorted = --folder->count;
    entry_destroy(entry);
}

bool folder_path(const struct folder *folder, const char *name, char *path, size_t size)
{
    const char *slash = strcmp(folder->path, "/") == 0 ? "" : "/";
    int len = snprintf(path, size, "%s%s%s", folder->path, slash, name);
    return len > 0 && (size_t)len < size;
}

bool time_is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

struct version version_of(const struct stat *st)
{
    return (struct version){.there = true,
                            .ino = st->st_ino,
                            .size = st->st_size,
                            .mtime = st->st_mtim,
                            .ctime = st->st_ctim};
}

bool version_equal(const struct version *a, const struct version *b)
{
    return a->there == b->there && a->ino == b->ino && a->size == b->size &&
           a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}
