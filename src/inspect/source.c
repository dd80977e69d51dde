#include "inspect/source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST ((off_t)32 << 20)

void source_forget(struct source *source)
{
    free(source->text);
    source->text = NULL;
    source->path[0] = '\0';
}

/* The path comes out of debug info: it may name a device, or a FIFO that nobody writes. */
static void load(struct source *source, const char *path)
{
    struct stat st;
    source_forget(source);
    if (strlen(path) >= sizeof source->path) {
        return;
    }
    memcpy(source->path, path, strlen(path) + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MOST) {
        source->text = malloc((size_t)st.st_size + 1);
        source->len = 0;
        source->written_ns = (int64_t)st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
        while (source->text != NULL && source->len < (size_t)st.st_size) {
            ssize_t got = read(fd, source->text + source->len, (size_t)st.st_size - source->len);
            if (got <= 0) {
                break;
            }
            source->len += (size_t)got;
        }
    }
    (void)close(fd);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

enum source_outcome source_line(struct source *source, const char *path, int number,
                                int64_t newest_ns, char *line, size_t size)
{
    if (path[0] == '\0' || number <= 0) {
        return SOURCE_NONE;
    }
    if (strcmp(source->path, path) != 0) {
        load(source, path);
    }
    if (source->text == NULL) {
        return SOURCE_NONE;
    }
    if (source->written_ns > newest_ns) {
        return SOURCE_EDITED;
    }
    const char *at = source->text, *end = source->text + source->len;
    for (int i = 1; i < number && at != NULL; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL || at == end) {
        return SOURCE_NONE;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    stop = stop == NULL ? end : stop;
    while (at < stop && is_blank(*at)) {
        at++;
    }
    while (stop > at && is_blank(stop[-1])) {
        stop--;
    }
    size_t len = (size_t)(stop - at) < size ? (size_t)(stop - at) : size - 1;
    memcpy(line, at, len);
    line[len] = '\0';
    return len > 0 ? SOURCE_LINE : SOURCE_NONE;
}
