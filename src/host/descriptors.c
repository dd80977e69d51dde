#include "host/descriptors.h"

#include "hotrun/hotrun.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct descriptor {
    struct descriptor *next;
    struct descriptors *owner;
    uv_poll_t poll;
    int fd;
    bool watched; /* poll is initialised */
    char name[];
};

void descriptors_init(struct descriptors *descriptors, uv_loop_t *loop,
                      descriptor_callback *callback, void *ctx)
{
    *descriptors = (struct descriptors){.loop = loop, .callback = callback, .ctx = ctx};
}

static struct descriptor **find(const struct descriptors *descriptors, const char *name)
{
    struct descriptor **at = (struct descriptor **)&descriptors->first;
    while (*at != NULL && strcmp((*at)->name, name) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static void closed(uv_handle_t *handle)
{
    struct descriptor *descriptor = handle->data;
    close(descriptor->fd);
    free(descriptor);
}

/* The fd is closed after libuv let go of it: epoll must not see a number that is used again. */
static void drop(struct descriptor *descriptor)
{
    if (descriptor->watched) {
        uv_close((uv_handle_t *)&descriptor->poll, closed);
    } else {
        close(descriptor->fd);
        free(descriptor);
    }
}

void descriptors_finish(struct descriptors *descriptors)
{
    while (descriptors->first != NULL) {
        struct descriptor *descriptor = descriptors->first;
        descriptors->first = descriptor->next;
        drop(descriptor);
    }
}

bool descriptors_keep(struct descriptors *descriptors, const char *name, int fd)
{
    struct descriptor **at = find(descriptors, name);
    struct descriptor *fresh = NULL;
    if (fd >= 0) {
        fresh = calloc(1, sizeof *fresh + strlen(name) + 1);
        if (fresh == NULL) {
            close(fd);
            return false;
        }
        fresh->owner = descriptors;
        fresh->fd = fd;
        memcpy(fresh->name, name, strlen(name) + 1);
    }
    struct descriptor *old = *at;
    if (fresh != NULL) {
        fresh->next = old == NULL ? NULL : old->next;
        *at = fresh;
    } else if (old != NULL) {
        *at = old->next;
    }
    if (old != NULL) {
        drop(old);
    }
    return true;
}

int descriptors_find(const struct descriptors *descriptors, const char *name)
{
    const struct descriptor *descriptor = *find(descriptors, name);
    return descriptor == NULL ? -1 : descriptor->fd;
}

static void ready(uv_poll_t *poll, int status, int events)
{
    struct descriptor *descriptor = poll->data;
    int bits = 0;
    bits |= (events & UV_READABLE) != 0 ? HOTRUN_FD_READ : 0;
    bits |= (events & UV_WRITABLE) != 0 ? HOTRUN_FD_WRITE : 0;
    bits |= (events & UV_DISCONNECT) != 0 || status < 0 ? HOTRUN_FD_HANGUP : 0;
    descriptor->owner->callback(descriptor->owner->ctx, descriptor->name, bits);
}

bool descriptors_watch(struct descriptors *descriptors, const char *name, int events)
{
    struct descriptor *descriptor = *find(descriptors, name);
    if (descriptor == NULL) {
        return false;
    }
    if (!descriptor->watched) {
        if (events == 0) {
            return true;
        }
        int flags = fcntl(descriptor->fd, F_GETFL);
        if (uv_poll_init(descriptors->loop, &descriptor->poll, descriptor->fd) != 0) {
            return false;
        }
        /* libuv makes it non-blocking, which a terminal's other users would notice; epoll does not
         * need it. */
        if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
            (void)fcntl(descriptor->fd, F_SETFL, flags);
        }
        descriptor->poll.data = descriptor;
        descriptor->watched = true;
    }
    int bits = 0;
    bits |= (events & HOTRUN_FD_READ) != 0 ? UV_READABLE : 0;
    bits |= (events & HOTRUN_FD_WRITE) != 0 ? UV_WRITABLE : 0;
    bits |= (events & HOTRUN_FD_HANGUP) != 0 ? UV_DISCONNECT : 0;
    if (bits == 0) {
        return uv_poll_stop(&descriptor->poll) == 0;
    }
    return uv_poll_start(&descriptor->poll, bits, ready) == 0;
}
