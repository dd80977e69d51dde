#define _GNU_SOURCE
#include "watch/watch.h"

#include "base/clock.h"
#include "watch/watch_folders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT_BYTES      16384
#define READS_MAX        4
#define FALLBACK_POLL_NS (500 * NS_PER_MS)

struct version {
    bool there;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

struct watch {
    uv_loop_t *loop;
    struct log *log;
    char *path;
    uint64_t settle_ns, poll_ns;
    watch_callback *callback;
    void *ctx;

    uv_poll_t readable; /* the inotify descriptor */
    uv_timer_t soon;    /* the end of settling, or "from the loop" */
    uv_timer_t poll;
    unsigned handles; /* not closed yet */
    bool has_readable, closing, complained, polling;

    struct folders folders;

    /* What was read and not told yet */
    bool touched;      /* anything at all that concerns the file */
    bool restructured; /* a folder or a link on the way changed */
    bool renamed;      /* the name was moved there, and could be a link */
    bool left;         /* the name is gone, unless a look finds it again */
    bool changed;      /* a version is complete */
    uint64_t since_ns;

    bool gone;            /* told, or missing from the start */
    struct version seen;  /* by the caller */
    struct version told;  /* by a look since then; seen if none */
    struct version fresh; /* of the last poll, different from both */
    uint64_t fresh_since_ns;
};

static struct version version_of(const struct stat *st)
{
    return (struct version){.there = true,
                            .dev = st->st_dev,
                            .ino = st->st_ino,
                            .size = st->st_size,
                            .mtime = st->st_mtim,
                            .ctime = st->st_ctim};
}

static struct version version_now(const struct watch *watch)
{
    struct stat st;
    return stat(watch->path, &st) == 0 ? version_of(&st) : (struct version){.there = false};
}

/* But for the mode, the owner, the number of names; or somebody has set the time back. */
static bool version_alike(const struct version *a, const struct version *b)
{
    return a->there == b->there && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static bool version_equal(const struct version *a, const struct version *b)
{
    return version_alike(a, b) && a->ctime.tv_sec == b->ctime.tv_sec &&
           a->ctime.tv_nsec == b->ctime.tv_nsec;
}

/* ---- arming ---- */

static void on_poll(uv_timer_t *timer);

static uint64_t to_ms(uint64_t ns)
{
    return (ns + NS_PER_MS - 1) / NS_PER_MS;
}

static const char *why_not(int error)
{
    switch (error) {
    case ENOSPC:
        return "this user's inotify watches are used up (fs.inotify.max_user_watches)";
    case EMFILE:
        return "this user's inotify instances (fs.inotify.max_user_instances) or this process's "
               "descriptors are used up";
    case EACCES:
        return "a folder on the way may not be read";
    default:
        return strerror(error);
    }
}

/* Says why, once, and polls from here on, until an arming succeeds. */
static void fall_back(struct watch *watch, int error)
{
    uint64_t poll_ns = watch->poll_ns == 0 ? FALLBACK_POLL_NS : watch->poll_ns;
    if (!watch->polling && watch->poll_ns == 0) {
        (void)uv_timer_start(&watch->poll, on_poll, to_ms(poll_ns), to_ms(poll_ns));
    }
    watch->polling = true;
    /* A way that changes while it is walked will stand still some time. */
    bool passing = error == EAGAIN || error == ENOENT || error == ENOTDIR;
    if (!passing && !watch->complained) {
        watch->complained = true;
        log_line(watch->log, LOG_WARN,
                 "cannot be notified of changes of %s: %s; looking every %llu ms instead",
                 watch->path, why_not(error), (unsigned long long)to_ms(poll_ns));
    }
}

static void recover(struct watch *watch)
{
    if (watch->polling) {
        watch->polling = false;
        if (watch->poll_ns == 0) {
            (void)uv_timer_stop(&watch->poll);
        }
    }
}

static void arm(struct watch *watch)
{
    watch->restructured = false;
    int error = watch->folders.fd < 0 ? 0 : folders_arm(&watch->folders, watch->path);
    if (error != 0) {
        fall_back(watch, error);
    } else if (watch->folders.fd >= 0) {
        recover(watch);
    }
}

/* Compares the file with what is known of it. Used where events may have been missed. */
static void look(struct watch *watch)
{
    struct version now = version_now(watch);
    if (!now.there) {
        watch->left = true;
    } else if (watch->gone ||
               (!version_equal(&now, &watch->seen) && !version_equal(&now, &watch->told))) {
        watch->changed = true;
        watch->told = now;
    }
}

/* ---- reading ---- */

/* A link or a hard link is complete when it appears; what was just created is not until its writer
 * closes it. link(2) has touched the inode after its last write, even where the other name is gone
 * already; a file that is being written is at worst taken for complete, and the copy finds its
 * writer. */
static void on_created(struct watch *watch)
{
    struct stat st;
    if (watch->folders.route.file == NULL || lstat(watch->folders.route.file, &st) != 0) {
        return;
    }
    if (S_ISLNK(st.st_mode)) {
        watch->restructured = true;
    } else if (!S_ISREG(st.st_mode) || st.st_nlink > 1 ||
               (st.st_size > 0 && (st.st_ctim.tv_sec != st.st_mtim.tv_sec ||
                                   st.st_ctim.tv_nsec != st.st_mtim.tv_nsec))) {
        watch->changed = true;
    }
}

static void take_event(struct watch *watch, const struct inotify_event *event)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        watch->touched = watch->restructured = watch->changed = true;
        return;
    }
    for (size_t i = 0; i < watch->folders.route.count; i++) {
        const struct route_hop *hop = &watch->folders.route.hops[i];
        if (hop->wd != event->wd) {
            continue;
        }
        if ((event->mask & (IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED)) != 0) {
            watch->touched = watch->restructured = true;
        } else if (hop->name == NULL || event->len == 0 || strcmp(hop->name, event->name) != 0) {
            continue;
        } else if (hop->role != ROUTE_FILE) {
            watch->touched = watch->restructured = true;
        } else {
            watch->touched = true;
            if ((event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) {
                watch->changed = true;
                watch->renamed = watch->renamed || (event->mask & IN_MOVED_TO) != 0;
            } else if ((event->mask & IN_CREATE) != 0) {
                on_created(watch);
            } else if ((event->mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
                watch->left = true;
            }
        }
    }
}

/* One read. Returns false when nothing was queued. */
static bool take_events(struct watch *watch)
{
    _Alignas(struct inotify_event) char buffer[EVENT_BYTES];
    ssize_t got = watch->folders.fd < 0 ? -1 : read(watch->folders.fd, buffer, sizeof buffer);
    if (got <= 0) {
        return false;
    }
    bool waiting = watch->changed || watch->left || watch->restructured;
    if (!waiting) {
        watch->since_ns = clock_ns();
    }
    for (const char *at = buffer; at < buffer + got;) {
        const struct inotify_event *event = (const void *)at;
        take_event(watch, event);
        at += sizeof *event + event->len;
    }
    return true;
}

/* ---- telling ---- */

/* Turns what was read into news, or into nothing. */
static bool has_pending(struct watch *watch)
{
    if (watch->restructured) {
        arm(watch);
        look(watch);
    }
    if (watch->left && version_now(watch).there) {
        watch->left = false;
    }
    if (watch->left) {
        watch->changed = watch->renamed = false;
        watch->left = !watch->gone;
    }
    return watch->changed || watch->left;
}

static void on_soon(uv_timer_t *timer);

static void tell_soon(struct watch *watch)
{
    uv_update_time(watch->loop); /* a copy may have taken long since the loop looked at the clock */
    (void)uv_timer_start(&watch->soon, on_soon, to_ms(watch->settle_ns), 0);
}

static void tell(struct watch *watch)
{
    if (!has_pending(watch)) {
        return;
    }
    bool renamed = watch->renamed;
    enum watch_news news = watch->left ? WATCH_GONE : WATCH_CHANGED;
    watch->gone = news == WATCH_GONE;
    if (watch->gone) {
        watch->seen = watch->told = (struct version){.there = false};
    }
    watch->left = watch->changed = watch->renamed = false;
    watch->callback(watch->ctx, news, watch->since_ns);

    /* After the callback, because nearly every rename brings a plain file and someone waits. */
    struct stat st;
    if (renamed && !watch->closing && watch->folders.route.file != NULL &&
        lstat(watch->folders.route.file, &st) == 0 && S_ISLNK(st.st_mode)) {
        watch->restructured = true;
        watch->since_ns = clock_ns();
        if (has_pending(watch)) {
            tell_soon(watch);
        }
    }
}

static void on_soon(uv_timer_t *timer)
{
    tell(timer->data);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status, (void)events; /* an error shows in the read */
    struct watch *watch = handle->data;
    watch->touched = false;
    /* A rename's two events come one after the other, and the first wakes: reading again is quicker
     * than going through the loop for the second. */
    for (int i = 0; i < READS_MAX && !watch->touched && take_events(watch); i++) {
    }
    if (!watch->touched) {
        return;
    }
    if (watch->settle_ns == 0) {
        (void)uv_timer_stop(&watch->soon);
        tell(watch);
    } else if (has_pending(watch)) {
        tell_soon(watch);
    }
}

static void on_poll(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    struct version now = version_now(watch);
    if (version_equal(&now, &watch->seen) || version_equal(&now, &watch->told) ||
        uv_is_active((uv_handle_t *)&watch->soon)) {
        watch->fresh = watch->seen;
        return;
    }
    if (!version_equal(&now, &watch->fresh)) {
        watch->fresh = now;
        watch->fresh_since_ns = clock_ns();
        return;
    }
    watch->told = now;
    bool news = now.there || !watch->gone;
    enum watch_news what = !now.there                          ? WATCH_GONE
                           : version_alike(&now, &watch->seen) ? WATCH_TOUCHED
                                                               : WATCH_POLLED;
    watch->gone = !now.there;
    if (watch->gone) {
        watch->seen = now; /* the same file coming back is news */
    }
    arm(watch); /* no event told of it: the watches may be on folders that the way has left */
    look(watch);
    watch->since_ns = clock_ns();
    if (has_pending(watch)) {
        tell_soon(watch);
    }
    if (news) {
        watch->callback(watch->ctx, what, watch->fresh_since_ns);
    }
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    if (--watch->handles == 0) {
        free(watch->path);
        free(watch);
    }
}

static void start_inotify(struct watch *watch)
{
    int error = folders_open(&watch->folders);
    if (error == 0) {
        int status = uv_poll_init(watch->loop, &watch->readable, watch->folders.fd);
        if (status == 0) {
            watch->has_readable = true;
            watch->readable.data = watch;
            watch->handles++;
            status = uv_poll_start(&watch->readable, UV_READABLE, on_readable);
        }
        error = -status;
    }
    if (error != 0) {
        folders_close(&watch->folders);
        fall_back(watch, error);
    } else {
        arm(watch);
    }
}

struct watch *watch_create(uv_loop_t *loop, struct log *log, const char *path, uint64_t settle_ns,
                           uint64_t poll_ns, watch_callback *callback, void *ctx, struct error *err)
{
    struct watch *watch = calloc(1, sizeof *watch);
    char *own_path = strdup(path);
    if (watch == NULL || own_path == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory to watch %s", path);
        free(watch);
        free(own_path);
        return NULL;
    }
    *watch = (struct watch){.loop = loop,
                            .log = log,
                            .path = own_path,
                            .settle_ns = settle_ns,
                            .poll_ns = poll_ns,
                            .callback = callback,
                            .ctx = ctx,
                            .folders.fd = -1};
    (void)uv_timer_init(loop, &watch->soon);
    (void)uv_timer_init(loop, &watch->poll);
    watch->soon.data = watch->poll.data = watch;
    watch->handles = 2;
    if (poll_ns > 0) {
        (void)uv_timer_start(&watch->poll, on_poll, to_ms(poll_ns), to_ms(poll_ns));
    }
    start_inotify(watch);
    watch->seen = watch->told = watch->fresh = version_now(watch);
    watch->gone = !watch->seen.there;
    return watch;
}

bool watch_has_news(struct watch *watch)
{
    while (take_events(watch)) {
    }
    if (!has_pending(watch)) {
        return false;
    }
    tell_soon(watch);
    return true;
}

void watch_take_news(struct watch *watch)
{
    while (take_events(watch)) {
    }
    watch->restructured = watch->restructured || watch->renamed; /* it may be a link */
    (void)has_pending(watch);
    watch->left = watch->changed = watch->renamed = false;
    (void)uv_timer_stop(&watch->soon);
}

void watch_seen(struct watch *watch, const struct stat *st)
{
    watch->seen = st == NULL ? (struct version){.there = false} : version_of(st);
    watch->told = watch->seen;
    if (st != NULL) {
        watch->gone = false;
    }
}

bool watch_is_polling(const struct watch *watch)
{
    return watch->polling;
}

void watch_destroy(struct watch *watch)
{
    if (watch == NULL || watch->closing) {
        return;
    }
    watch->closing = true;
    uv_close((uv_handle_t *)&watch->soon, on_closed);
    uv_close((uv_handle_t *)&watch->poll, on_closed);
    if (watch->has_readable) {
        uv_close((uv_handle_t *)&watch->readable, on_closed);
    }
    folders_close(&watch->folders); /* libuv has let go of the descriptor */
}
