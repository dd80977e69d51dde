#define _GNU_SOURCE /* asprintf */
#include "builder/product.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORD_MOST ((size_t)4 << 20)
#define HEAD        "hotrun 1 "
#define FRESH_MOST  ((size_t)16 << 20)
#define GRAIN_NS    (20 * NS_PER_MS) /* so far a file's time may lie behind the clock */

static uint64_t stat_time(const struct stat *st)
{
    return (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
}

static struct stamp stamp_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return (struct stamp){0};
    }
    return (struct stamp){
        .mtime_ns = stat_time(&st), .size = (uint64_t)st.st_size, .node = st.st_ino};
}

/* 0: it cannot be read. */
static uint64_t hash_of(const char *path)
{
    struct text text = {0};
    uint64_t hash = 0;
    if (file_read(path, FRESH_MOST, &text, NULL)) {
        hash = hash_bytes(text_string(&text), text.len) | 1;
    }
    text_finish(&text);
    return hash;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool same_place(struct stamp a, struct stamp b)
{
    return a.mtime_ns != 0 && a.mtime_ns == b.mtime_ns && a.size == b.size && a.node == b.node;
}

static void reading_finish(struct reading *reading)
{
    flags_finish(&reading->files);
    free(reading->stamps);
    *reading = (struct reading){0};
}

/* Takes `files` over. False: no memory, and nothing is known. */
static bool reading_take(struct reading *reading, struct flags *files)
{
    reading_finish(reading);
    reading->files = *files;
    *files = (struct flags){0};
    reading->stamps = calloc(reading->files.count + 1, sizeof *reading->stamps);
    if (reading->files.failed || reading->stamps == NULL) {
        reading_finish(reading);
        return false;
    }
    return true;
}

static void forget(struct product *product)
{
    product->made_by = 0;
    reading_finish(&product->read);
}

static char *record_path(const struct product *product)
{
    char *path = NULL;
    return asprintf(&path, "%s.made", product->path) < 0 ? NULL : path;
}

/* A line for each file: time, size, number, hash, path. Nothing is believed of a record that has
 * other lines. */
static bool parse(struct product *product, const char *text)
{
    struct reading *read = &product->read;
    int used = 0;
    size_t room = 0;
    if (sscanf(text, HEAD "%" SCNx64 "\n%n", &product->made_by, &used) != 1 || used == 0) {
        return false;
    }
    for (const char *at = text + used; *at != '\0';) {
        struct stamp stamp;
        size_t len = strcspn(at, "\n");
        used = 0;
        if (sscanf(at, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx64 "%n", &stamp.mtime_ns,
                   &stamp.size, &stamp.node, &stamp.hash, &used) != 4 ||
            at[used] != ' ' || (size_t)used + 1 >= len || at[len] != '\n') {
            return false;
        }
        if (!array_reserve(&read->stamps, &room, read->files.count + 1, sizeof *read->stamps)) {
            return false;
        }
        read->stamps[read->files.count] = stamp;
        if (!flags_add_len(&read->files, at + used + 1, len - (size_t)used - 1)) {
            return false;
        }
        at += len + 1;
    }
    return read->files.count > 0;
}

bool product_open(struct product *product, const char *path, struct error *err)
{
    *product = (struct product){.path = strdup(path)};
    char *record = product->path == NULL ? NULL : record_path(product);
    if (record == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for a path");
    }
    struct text text = {0};
    if (!file_read(record, RECORD_MOST, &text, NULL) || !parse(product, text_string(&text))) {
        forget(product);
    }
    text_finish(&text);
    free(record);
    return true;
}

void product_finish(struct product *product)
{
    forget(product);
    reading_finish(&product->before);
    free(product->path);
    product->path = NULL;
}

bool product_is_current(const struct product *product, uint64_t command)
{
    if (product->made_by != command || command == 0 || access(product->path, F_OK) != 0) {
        return false;
    }
    for (size_t i = 0; i < product->read.files.count; i++) {
        const char *file = product->read.files.words[i];
        struct stamp seen = product->read.stamps[i];
        if (!same_place(seen, stamp_of(file)) || (seen.hash != 0 && seen.hash != hash_of(file))) {
            return false;
        }
    }
    return true;
}

void product_begin(struct product *product, const struct flags *inputs)
{
    struct flags files = {0};
    char *record = record_path(product);
    product->made_by = 0;
    if (record != NULL) {
        (void)unlink(record);
    }
    free(record);
    (void)flags_add_all(&files, &product->read.files);
    for (size_t i = 0; i < inputs->count; i++) {
        (void)flags_add_new(&files, inputs->words[i]);
    }
    if (!reading_take(&product->before, &files)) {
        return;
    }
    uint64_t now = now_ns();
    for (size_t i = 0; i < product->before.files.count; i++) {
        struct stamp stamp = stamp_of(product->before.files.words[i]);
        if (stamp.mtime_ns + GRAIN_NS >= now) {
            stamp.hash = hash_of(product->before.files.words[i]);
            stamp.mtime_ns = stamp.hash == 0 ? 0 : stamp.mtime_ns;
        }
        product->before.stamps[i] = stamp;
    }
    product->began_ns = now;
}

/* A path with a line's end in it cannot be written down: then nothing is, and a later run makes the
 * product anew. */
static void write_record(const struct product *product)
{
    struct text text = {0};
    const struct reading *read = &product->read;
    bool fits = text_printf(&text, HEAD "%016" PRIx64 "\n", product->made_by);
    for (size_t i = 0; fits && i < read->files.count; i++) {
        const struct stamp *stamp = &read->stamps[i];
        fits = strchr(read->files.words[i], '\n') == NULL &&
               text_printf(&text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIx64 " %s\n",
                           stamp->mtime_ns, stamp->size, stamp->node, stamp->hash,
                           read->files.words[i]);
    }
    char *record = record_path(product);
    char *folder = path_dir(product->path);
    int dir = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fits && record != NULL && dir >= 0) {
        (void)file_replace(dir, path_base(record), text_string(&text), text.len, NULL);
    }
    if (dir >= 0) {
        close(dir);
    }
    free(folder);
    free(record);
    text_finish(&text);
}

/* How `file` was when the command began: known from before it, or old enough. `at`: where it is
 * looked for first; the lists are mostly the same. */
static struct stamp stamp_at_begin(const struct product *product, const char *file, size_t *at)
{
    const struct reading *before = &product->before;
    struct stamp found = stamp_of(file);
    for (size_t i = 0; i < before->files.count; i++) {
        size_t index = (*at + i) % before->files.count;
        if (strcmp(before->files.words[index], file) == 0) {
            *at = index + 1;
            bool same = same_place(before->stamps[index], found);
            return same ? before->stamps[index] : (struct stamp){0};
        }
    }
    return found.mtime_ns + GRAIN_NS < product->began_ns ? found : (struct stamp){0};
}

void product_made(struct product *product, uint64_t command, struct flags *files)
{
    forget(product);
    if (reading_take(&product->read, files)) {
        size_t at = 0;
        for (size_t i = 0; i < product->read.files.count; i++) {
            product->read.stamps[i] = stamp_at_begin(product, product->read.files.words[i], &at);
        }
        product->made_by = command;
        write_record(product);
    }
    reading_finish(&product->before);
}
