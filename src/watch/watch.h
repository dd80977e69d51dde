/* Watches one library file by name: tells when there may be a new version of it that is completely
 * written. Built on inotify (libuv's fs events lack IN_CLOSE_WRITE), with a stat poll as backstop.
 * The file, its folder and any parent may be missing, come and go; symbolic links on the way are
 * followed and watched hop by hop. [supervisor's loop thread] */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct watch; /* opaque */

enum watch_news {
    WATCH_CHANGED, /* a writer closed it, it was renamed or linked there, or a link on the way moved
                    */
    WATCH_POLLED,  /* the poll found another file and the same one twice: nobody told of a close */
    WATCH_TOUCHED, /* likewise, but all is as before except for the time of the last change: mostly
                      a linker that makes its file executable when it has closed it */
    WATCH_GONE     /* it, or a folder on the way, is no longer there; said once until it is back */
};

/* `since_ns`: when the first event of this news was read (clock_ns). Called from the loop, never
 * from inside a watch_ function. It may destroy the watch. */
typedef void watch_callback(void *ctx, enum watch_news news, uint64_t since_ns);

/* Starts watching `path` (absolute). Does not report what is there already. When inotify cannot be
 * had or is used up, says so in `log` and polls only (poll_ns, or 500 ms where that is 0).
 * settle_ns > 0: CHANGED is reported when that long nothing more happened. NULL with `err`: no
 * memory. */
struct watch *watch_create(uv_loop_t *loop, struct log *log, const char *path, uint64_t settle_ns,
                           uint64_t poll_ns, watch_callback *callback, void *ctx,
                           struct error *err);

/* True when events for the file have arrived that the callback has not been told of yet (reads what
 * is queued; they are reported from the loop as usual). Used after a copy: a writer that came and
 * went meanwhile has left its event. */
bool watch_has_news(struct watch *watch);

/* What has arrived so far is taken for told: the caller is going to look at the file. */
void watch_take_news(struct watch *watch);

/* Tells the poll what was seen when the file was read, so that it does not report the same version
 * again. NULL st: it was missing. To be called before watch_has_news, which compares with it when a
 * folder or a link on the way has changed. */
struct stat;
void watch_seen(struct watch *watch, const struct stat *st);

/* True when only the poll works; for `status`. */
bool watch_is_polling(const struct watch *watch);

void watch_destroy(struct watch *watch); /* NULL is allowed; closes its handles through the loop */

#endif
