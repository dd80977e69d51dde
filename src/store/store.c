#define _GNU_SOURCE
#include "store/store.h"

#include "base/array.h"
#include "base/file.h"
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER       "snapshots"
#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define LATEST       "latest.json"
#define LATEST_FRESH "." LATEST ".new"
#define DIGITS_LEAST 8
#define DIGITS_MOST  15
#define ID_MOST      UINT64_C(999999999999999) /* of so many digits: a double holds it */
#define NAME_SIZE    32

struct store {
    int run_dir_fd;
    char *path; /* of the folder */
    unsigned history;
    uint64_t last; /* the highest number that was given */
};

static void name_of(uint64_t id, char *name)
{
    (void)snprintf(name, NAME_SIZE, "%0*llu.json", DIGITS_LEAST, (unsigned long long)id);
}

/* 0: no name of ours. */
static uint64_t id_of(const char *name)
{
    char own[NAME_SIZE];
    size_t digits = strspn(name, "0123456789");
    if (digits < DIGITS_LEAST || digits > DIGITS_MOST) {
        return 0;
    }
    uint64_t id = strtoull(name, NULL, 10);
    name_of(id, own);
    return strcmp(own, name) == 0 ? id : 0;
}

/* What was being written when somebody died: ".NAME.new". */
static bool is_leftover(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && name[0] == '.' && strcmp(name + len - 4, ".new") == 0;
}

/* -1 with errno. */
static int open_folder(const struct store *store, bool create)
{
    int fd = openat(store->run_dir_fd, FOLDER, FOLDER_FLAGS);
    if (fd < 0 && errno == ENOENT && create && mkdirat(store->run_dir_fd, FOLDER, 0700) == 0) {
        fd = openat(store->run_dir_fd, FOLDER, FOLDER_FLAGS);
        if (fd >= 0 && !file_sync_folder(store->run_dir_fd)) {
            int error = errno;
            (void)close(fd);
            errno = error;
            fd = -1;
        }
    }
    return fd;
}

/* Calls `take` for each name in the folder. */
static bool for_each(int folder_fd, bool (*take)(void *ctx, const char *name), void *ctx)
{
    int copy = openat(folder_fd, ".", FOLDER_FLAGS);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (folder == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return false;
    }
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = readdir(folder)) != NULL;) {
        ok = take(ctx, entry->d_name);
    }
    (void)closedir(folder);
    return ok;
}

/* ---- numbers ---- */

struct found {
    uint64_t *ids;
    size_t count, room;
};

static bool take_id(void *ctx, const char *name)
{
    struct found *found = ctx;
    uint64_t id = id_of(name);
    if (id == 0) {
        return true;
    }
    if (!array_reserve(&found->ids, &found->room, found->count + 1, sizeof *found->ids)) {
        errno = ENOMEM;
        return false;
    }
    found->ids[found->count++] = id;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? 1 : left > right ? -1 : 0;
}

static bool find_ids(int folder_fd, struct found *found)
{
    *found = (struct found){0};
    if (!for_each(folder_fd, take_id, found)) {
        free(found->ids);
        *found = (struct found){0};
        return false;
    }
    if (found->count > 1) {
        qsort(found->ids, found->count, sizeof *found->ids, newest_first);
    }
    return true;
}

bool store_ids(const struct store *store, uint64_t **ids, size_t *count, struct error *err)
{
    struct found found = {0};
    int fd = open_folder(store, false);
    bool ok = fd >= 0 ? find_ids(fd, &found) : errno == ENOENT;
    if (!ok) {
        error_errno(err, "cannot read %s", store->path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    *ids = found.ids;
    *count = found.count;
    return ok;
}

/* ---- writing ---- */

/* A second name for the newest file; where files have one name only, a copy. */
static bool name_latest(int folder_fd, const char *name, const char *bytes, size_t len,
                        struct error *err)
{
    (void)unlinkat(folder_fd, LATEST_FRESH, 0);
    if (linkat(folder_fd, name, folder_fd, LATEST_FRESH, 0) != 0) {
        bool able = errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK;
        return able ? error_errno(err, "cannot make " LATEST " name %s", name)
                    : file_replace_synced(folder_fd, LATEST, bytes, len, err);
    }
    if (renameat(folder_fd, LATEST_FRESH, folder_fd, LATEST) != 0) {
        error_errno(err, "cannot make " LATEST " name %s", name);
        (void)unlinkat(folder_fd, LATEST_FRESH, 0);
        return false;
    }
    return file_sync_folder(folder_fd) || error_errno(err, "cannot write the folder");
}

static void drop_oldest(int folder_fd, const struct found *found, unsigned history)
{
    char name[NAME_SIZE];
    for (size_t i = history; i < found->count; i++) {
        name_of(found->ids[i], name);
        (void)unlinkat(folder_fd, name, 0);
    }
}

static bool put(struct store *store, int folder_fd, const char *bytes, size_t len, uint64_t *id,
                struct error *err)
{
    struct found found;
    char name[NAME_SIZE];
    if (!find_ids(folder_fd, &found)) {
        return error_errno(err, "cannot read it");
    }
    uint64_t next =
        (found.count > 0 && found.ids[0] > store->last ? found.ids[0] : store->last) + 1;
    free(found.ids);
    if (next > ID_MOST) {
        return error_set(err, ERROR_LIMIT,
                         "there is no number behind that of %llu.json: remove what is not hotrun's",
                         (unsigned long long)ID_MOST);
    }
    name_of(next, name);
    if (!file_replace_synced(folder_fd, name, bytes, len, err)) {
        return false;
    }
    store->last = next;
    *id = next;
    bool ok = name_latest(folder_fd, name, bytes, len, err);
    if (find_ids(folder_fd, &found)) {
        drop_oldest(folder_fd, &found, store->history);
        free(found.ids);
    }
    return ok;
}

bool store_put(struct store *store, const char *bytes, size_t len, uint64_t *id, struct error *err)
{
    struct error why;
    int fd = open_folder(store, true);
    if (fd < 0) {
        return error_errno(err, "cannot open %s", store->path);
    }
    bool ok = put(store, fd, bytes, len, id, &why) ||
              error_set(err, why.code, "%s: %s", store->path, why.text);
    (void)close(fd);
    return ok;
}

/* ---- reading ---- */

/* -1 with `err`. */
static int open_one(const struct store *store, uint64_t id, struct stat *st, struct error *err)
{
    char name[NAME_SIZE];
    int folder_fd = open_folder(store, false);
    name_of(id, name);
    int fd = folder_fd < 0
                 ? -1
                 : openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        error_set(err, ERROR_MISSING, "there is no snapshot %llu: `hotrun history` lists them",
                  (unsigned long long)id);
    } else if (fd < 0 || fstat(fd, st) != 0) {
        error_errno(err, "cannot open %s/%s", store->path, name);
    } else if (!S_ISREG(st->st_mode)) {
        error_set(err, ERROR_FORMAT, "%s/%s is no regular file", store->path, name);
    } else {
        (void)close(folder_fd);
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (folder_fd >= 0) {
        (void)close(folder_fd);
    }
    return -1;
}

bool store_look(const struct store *store, uint64_t id, struct store_entry *entry,
                struct error *err)
{
    struct stat st;
    char head[ENVELOPE_HEAD_MAX];
    int fd = open_one(store, id, &st, err);
    if (fd < 0) {
        return false;
    }
    ssize_t got = pread(fd, head, sizeof head, 0);
    (void)close(fd);
    *entry = (struct store_entry){.id = id, .size = (uint64_t)st.st_size};
    entry->readable = got > 0 && envelope_peek(&entry->snapshot, head, (size_t)got);
    return true;
}

bool store_read(const struct store *store, uint64_t id, size_t limit, struct text *bytes,
                struct error *err)
{
    char path[64];
    struct stat st;
    int fd = open_one(store, id, &st, err);
    if (fd < 0) {
        return false;
    }
    /* By the descriptor's name, so that it is the file that was looked at. */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct error why;
    bool ok = file_read(path, limit, bytes, &why);
    (void)close(fd);
    name_of(id, path);
    return ok || error_set(err, why.code, "cannot read %s/%s, or not all of it into memory",
                           store->path, path);
}

char *store_path(const struct store *store, uint64_t id)
{
    char name[NAME_SIZE];
    name_of(id, name);
    return path_join(store->path, name);
}

/* ---- the store itself ---- */

struct sweep {
    struct store *store;
    int folder_fd;
};

static bool sweep_one(void *ctx, const char *name)
{
    struct sweep *sweep = ctx;
    uint64_t id = id_of(name);
    if (is_leftover(name)) {
        (void)unlinkat(sweep->folder_fd, name, 0);
    }
    sweep->store->last = id > sweep->store->last ? id : sweep->store->last;
    return true;
}

struct store *store_view(int run_dir_fd, const char *run_dir)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    *store =
        (struct store){.run_dir_fd = run_dir_fd, .path = path_join(run_dir, FOLDER), .history = 1};
    if (store->path == NULL) {
        free(store);
        return NULL;
    }
    return store;
}

struct store *store_create(int run_dir_fd, const char *run_dir, unsigned history)
{
    struct store *store = store_view(run_dir_fd, run_dir);
    if (store == NULL) {
        return NULL;
    }
    store->history = history;
    struct sweep sweep = {store, open_folder(store, false)};
    if (sweep.folder_fd >= 0) {
        (void)for_each(sweep.folder_fd, sweep_one, &sweep);
        (void)close(sweep.folder_fd);
    }
    return store;
}

void store_destroy(struct store *store)
{
    if (store != NULL) {
        free(store->path);
        free(store);
    }
}
