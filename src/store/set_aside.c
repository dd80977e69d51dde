#define _GNU_SOURCE
#include "store/set_aside.h"

#include "base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEATHS_MOST   2
#define LIBRARY_LIMIT ((size_t)1 << 30)
#define FOLDER_FLAGS  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct deaths {
    uint64_t id;
    struct hash code;
    unsigned count;
};

static struct deaths read_deaths(int folder_fd)
{
    struct deaths deaths = {0};
    char line[128] = "";
    int fd = openat(folder_fd, "deaths", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (len <= 0 || sscanf(line, "%" SCNu64 " %" SCNx64 " %" SCNx64 " %u", &deaths.id,
                           &deaths.code.high, &deaths.code.low, &deaths.count) != 4) {
        return (struct deaths){0};
    }
    return deaths;
}

void set_aside_note(int run_dir_fd, uint64_t id, struct hash code)
{
    char line[128];
    int folder_fd = openat(run_dir_fd, "snapshots", FOLDER_FLAGS);
    if (folder_fd < 0) {
        return;
    }
    struct deaths deaths = read_deaths(folder_fd);
    bool again = deaths.id == id && hash_equal(deaths.code, code);
    int len = snprintf(line, sizeof line, "%" PRIu64 " %" PRIx64 " %" PRIx64 " %u\n", id, code.high,
                       code.low, again ? deaths.count + 1 : 1);
    (void)file_replace(folder_fd, "deaths", line, (size_t)len, NULL);
    (void)close(folder_fd);
}

static bool hash_file(const char *path, struct hash *hash)
{
    struct text bytes = {0};
    struct hash_stream *stream = hash_stream_create();
    bool ok = stream != NULL && file_read(path, LIBRARY_LIMIT, &bytes, NULL);
    if (ok) {
        hash_stream_add(stream, text_string(&bytes), bytes.len);
        *hash = hash_stream_end(stream);
    }
    hash_stream_destroy(stream);
    text_finish(&bytes);
    return ok;
}

bool set_aside_has(int run_dir_fd, uint64_t id, const char *path)
{
    struct hash code;
    int folder_fd = openat(run_dir_fd, "snapshots", FOLDER_FLAGS);
    if (folder_fd < 0) {
        return false;
    }
    struct deaths deaths = read_deaths(folder_fd);
    (void)close(folder_fd);
    return deaths.id == id && deaths.count >= DEATHS_MOST && hash_file(path, &code) &&
           hash_equal(code, deaths.code);
}
