#include "supervisor/kept.h"

#include "base/array.h"
#include "supervisor/host_process.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct kept_descriptor *find(const struct kept *kept, const char *name)
{
    for (unsigned i = 0; i < kept->count; i++) {
        if (strcmp(kept->items[i].name, name) == 0) {
            return &kept->items[i];
        }
    }
    return NULL;
}

int kept_find(const struct kept *kept, const char *name)
{
    const struct kept_descriptor *found = find(kept, name);
    return found == NULL ? -1 : found->fd;
}

static bool add(struct kept *kept, const char *name, int fd, struct error *err)
{
    size_t len = strlen(name);
    if (len == 0 || len > KEEP_NAME_MOST) {
        return error_set(err, ERROR_LIMIT, "its name has %zu bytes, and 1 to %d are allowed", len,
                         KEEP_NAME_MOST);
    }
    if (kept->count == KEPT_MOST) {
        return error_set(err, ERROR_LIMIT, "%d others are kept already", KEPT_MOST);
    }
    char *copy = strdup(name);
    if (copy == NULL ||
        !array_reserve(&kept->items, &kept->cap, kept->count + 1, sizeof *kept->items)) {
        free(copy);
        return error_set(err, ERROR_SYSTEM, "no memory");
    }
    kept->items[kept->count++] = (struct kept_descriptor){copy, fd};
    return true;
}

bool kept_put(struct kept *kept, const char *name, int fd, struct error *err)
{
    struct kept_descriptor *old = find(kept, name);
    if (old != NULL) {
        close(old->fd);
        old->fd = fd;
        return true;
    }
    if (!add(kept, name, fd, err)) {
        close(fd);
        return false;
    }
    return true;
}

bool kept_drop(struct kept *kept, const char *name)
{
    struct kept_descriptor *found = find(kept, name);
    if (found == NULL) {
        return false;
    }
    close(found->fd);
    free(found->name);
    size_t behind = kept->count - (size_t)(found - kept->items) - 1;
    memmove(found, found + 1, behind * sizeof *found);
    kept->count--;
    return true;
}

void kept_send(const struct kept *kept, struct host_process *host, struct log *log)
{
    struct error err;
    for (unsigned i = 0; i < kept->count; i++) {
        const struct kept_descriptor *item = &kept->items[i];
        struct message message = {.type = MESSAGE_KEEP, .keep = {.name = bytes_of(item->name)}};
        if (!host_process_send_fd(host, &message, item->fd, &err)) {
            log_line(log, LOG_ERROR, "the host was not given the descriptor %s: %s", item->name,
                     err.text);
        }
    }
}

void kept_finish(struct kept *kept)
{
    for (unsigned i = 0; i < kept->count; i++) {
        close(kept->items[i].fd);
        free(kept->items[i].name);
    }
    free(kept->items);
    *kept = (struct kept){0};
}
