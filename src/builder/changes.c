#include "builder/changes.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define ONE_QUIET_NS     (1 * NS_PER_MS)
#define SEVERAL_QUIET_NS (30 * NS_PER_MS)
#define AT_MOST_NS       (500 * NS_PER_MS)

static uint64_t key_of(const char *path)
{
    return hash_bytes(path, strlen(path));
}

/* The index of `path` plus one, as a pointer, since NULL is nobody. */
static struct change *find(const struct changes *changes, uint64_t key, const char *path)
{
    size_t index = (size_t)(uintptr_t)table_get(&changes->by_path, key);
    struct change *found = index == 0 ? NULL : &changes->list[index - 1];
    return found != NULL && strcmp(found->path, path) == 0 ? found : NULL;
}

static struct change *append(struct changes *changes, uint64_t key, const char *path)
{
    char *own = strdup(path);
    if (own == NULL ||
        !array_reserve(&changes->list, &changes->cap, changes->count + 1, sizeof *changes->list) ||
        !table_put(&changes->by_path, key, (void *)(uintptr_t)(changes->count + 1))) {
        free(own);
        return NULL;
    }
    struct change *change = &changes->list[changes->count++];
    *change = (struct change){.path = own};
    return change;
}

void changes_add(struct changes *changes, const char *path, enum change_kind kind, bool was_there,
                 uint64_t now_ns)
{
    changes->first_ns = changes->count == 0 ? now_ns : changes->first_ns;
    changes->last_ns = now_ns;
    uint64_t key = key_of(path);
    struct change *change = find(changes, key, path);
    if (change == NULL) {
        change = append(changes, key, path);
        if (change == NULL) {
            changes->failed = true;
            return;
        }
        change->was_there = was_there;
        change->by_build = changes->building;
    }
    change->kind = kind;
    change->events++;
    change->at_ns = now_ns;
    change->by_build = change->by_build && changes->building;
}

void changes_drop_below(struct changes *changes, const char *folder)
{
    size_t len = strlen(folder), kept = 0;
    table_finish(&changes->by_path);
    for (size_t i = 0; i < changes->count; i++) {
        struct change change = changes->list[i];
        if (strncmp(change.path, folder, len) == 0 && change.path[len] == '/') {
            free(change.path);
            continue;
        }
        changes->list[kept++] = change;
        changes->failed =
            !table_put(&changes->by_path, key_of(change.path), (void *)(uintptr_t)kept) ||
            changes->failed;
    }
    changes->count = kept;
}

uint64_t changes_due_ns(const struct changes *changes)
{
    bool opened = false;
    for (size_t i = 0; i < changes->count && !opened; i++) {
        opened = changes->list[i].kind == CHANGE_OPENED;
    }
    uint64_t latest = changes->first_ns + AT_MOST_NS;
    if (opened) {
        return latest;
    }
    /* A file that is gone is mostly about to come back: that is how editors write. */
    bool one = changes->count == 1 && changes->list[0].kind == CHANGE_WHOLE;
    uint64_t due = changes->last_ns + (one ? ONE_QUIET_NS : SEVERAL_QUIET_NS);
    return due < latest ? due : latest;
}

void changes_clear(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->list[i].path);
    }
    changes->count = 0;
    changes->failed = false;
    table_finish(&changes->by_path);
}

void changes_finish(struct changes *changes)
{
    changes_clear(changes);
    free(changes->list);
    *changes = (struct changes){0};
}
