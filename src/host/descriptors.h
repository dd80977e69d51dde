/* Descriptors that outlive a generation: keep_fd, kept_fd, watch_fd. Each is hotrun's own duplicate
 * under a name. A watched one is polled by libuv, level-triggered, and reported to whatever
 * generation runs as FD_READY between two steps. */
#ifndef HOST_DESCRIPTORS_H
#define HOST_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct descriptor;

typedef void descriptor_callback(void *ctx, const char *name, int events);

struct descriptors {
    uv_loop_t *loop;
    struct descriptor *first;
    descriptor_callback *callback; /* HOTRUN_FD_ bits are ready */
    void *ctx;
};

void descriptors_init(struct descriptors *descriptors, uv_loop_t *loop,
                      descriptor_callback *callback, void *ctx);
void descriptors_finish(struct descriptors *descriptors);

/* Takes `fd` over under `name`, in place of an earlier one, whose watch ends; -1: forgets it.
 * False: no memory; fd is closed. */
bool descriptors_keep(struct descriptors *descriptors, const char *name, int fd);

/* -1: none of that name. */
int descriptors_find(const struct descriptors *descriptors, const char *name);

/* False: no such name, or a descriptor that cannot be polled (a regular file). */
bool descriptors_watch(struct descriptors *descriptors, const char *name, int events);

#endif
