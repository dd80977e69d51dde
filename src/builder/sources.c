#include "builder/sources.h"

#include "base/clock.h"
#include "builder/changes.h"
#include "builder/rules.h"
#include "builder/tree.h"
#include "builder/written.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define FALLBACK_POLL_NS (500 * NS_PER_MS)
#define CALM_NS          (2 * NS_PER_S)
#define CALM_SHARE       8
#define POLL_SHARE       20 /* of the time at most one part of so many goes into polling */

struct sources {
    uv_loop_t *loop;
    struct log *log;
    uint64_t poll_ns, poll_took_ns;
    sources_callback *callback;
    void *ctx;

    uv_poll_t readable; /* the inotify descriptor */
    uv_timer_t due, poll, calm;
    unsigned handles; /* not closed yet */
    bool has_readable, closing, complained;

    int fd;
    struct rules *rules;
    struct tree tree;
    struct changes changes;
    struct changes vanished; /* while a build runs: it may bring them back */
    struct changes suspects; /* what builds seem to write themselves: told after a pause */
    struct written written;
    bool asked_by_user, asked_by_build, asked_by_pause; /* for a build, since the last one began */
    uint64_t calm_ns, build_took_ns;
};

static void on_due(uv_timer_t *timer);
static void on_poll(uv_timer_t *timer);
static void on_calm(uv_timer_t *timer);

static uint64_t to_ms(uint64_t ns)
{
    return (ns + NS_PER_MS - 1) / NS_PER_MS;
}

static const char *why_not(int error)
{
    switch (error) {
    case ENOSPC:
        return "this user's inotify watches are used up (raise fs.inotify.max_user_watches)";
    case EMFILE:
        return "this user's inotify instances (fs.inotify.max_user_instances) or this process's "
               "descriptors are used up";
    case EACCES:
        return "a folder may not be read";
    default:
        return strerror(error);
    }
}

/* Polls what has no watch, and says so once. */
static void mind_unwatched(struct sources *sources)
{
    struct tree *tree = &sources->tree;
    if (tree->unwatched == 0 && !tree->lost) {
        (void)uv_timer_stop(&sources->poll);
        return;
    }
    if (!uv_is_active((uv_handle_t *)&sources->poll)) {
        uint64_t pause_ns = sources->poll_took_ns * POLL_SHARE;
        pause_ns = pause_ns < sources->poll_ns ? sources->poll_ns : pause_ns;
        uv_update_time(sources->loop);
        (void)uv_timer_start(&sources->poll, on_poll, to_ms(pause_ns), 0);
    }
    if (tree->error != 0 && !sources->complained) {
        sources->complained = true;
        log_line(sources->log, LOG_WARN,
                 "cannot be notified of what changes in %zu of %zu folders of sources: %s; looking "
                 "there every %llu ms instead",
                 tree->unwatched, tree->folder_count, why_not(tree->error),
                 (unsigned long long)to_ms(sources->poll_ns));
    }
}

static void mind_suspects(struct sources *sources)
{
    uint64_t pause_ns = sources->build_took_ns / CALM_SHARE;
    pause_ns = pause_ns < sources->calm_ns ? sources->calm_ns : pause_ns;
    if (sources->suspects.count == 0 || sources->changes.building) {
        (void)uv_timer_stop(&sources->calm);
    } else if (!uv_is_active((uv_handle_t *)&sources->calm)) {
        uv_update_time(sources->loop);
        (void)uv_timer_start(&sources->calm, on_calm, to_ms(pause_ns), 0);
    }
}

/* Does what the last events ask for, and sees to it that what changed is told. */
static void settle(struct sources *sources)
{
    struct tree *tree = &sources->tree;
    if (tree->git_changed) {
        tree->git_changed = false;
        if (sources->rules != NULL && tree->rules != NULL && rules_read_git(sources->rules)) {
            tree_look(tree, LOOK_RULES);
        }
    }
    for (int i = 0; i < 3 && (tree->lost || tree->restructured); i++) {
        tree_look(tree, LOOK_NEWS);
    }
    mind_unwatched(sources);
    mind_suspects(sources);
    if (sources->changes.count > 0) {
        uint64_t now = clock_ns(), due = changes_due_ns(&sources->changes);
        uv_update_time(sources->loop);
        (void)uv_timer_start(&sources->due, on_due, due <= now ? 0 : to_ms(due - now), 0);
    }
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status, (void)events; /* an error shows in the read */
    struct sources *sources = handle->data;
    if (tree_hear(&sources->tree)) {
        settle(sources);
    }
}

static void on_poll(uv_timer_t *timer)
{
    struct sources *sources = timer->data;
    uint64_t before = clock_ns();
    tree_poll(&sources->tree);
    sources->poll_took_ns = clock_ns() - before;
    settle(sources);
}

/* ---- telling ---- */

static const char *told_path(const struct sources *sources, const char *path)
{
    return sources->rules == NULL ? path : rules_told(sources->rules, path);
}

/* Whether the change is one, and not the build's own that is known. */
static bool is_news(struct sources *sources, const struct change *change)
{
    struct stat st;
    bool there = stat(change->path, &st) == 0;
    if (!there && !change->was_there) {
        return false; /* came and went */
    }
    if (!change->by_build) {
        written_forget(&sources->written, change->path);
        return true;
    }
    if (!there && sources->changes.building) {
        changes_add(&sources->vanished, change->path, CHANGE_LEFT, true, change->at_ns);
        return false;
    }
    enum written_verdict verdict =
        written_judge(&sources->written, change->path, change->was_there, change->at_ns);
    if (verdict == WRITTEN_SUSPECT) {
        changes_add(&sources->suspects, change->path, change->kind, change->was_there,
                    change->at_ns);
    } else if (verdict == WRITTEN_LEAVING) {
        log_line(sources->log, LOG_WARN,
                 "each build writes another %s, which is a source: what builds write there is left "
                 "out from here; name it in build.ignore",
                 told_path(sources, change->path));
    } else if (verdict == WRITTEN_NEW) {
        log_line(sources->log, LOG_WARN,
                 "each build makes or removes another file among the sources, %s at last: files "
                 "that builds make anew are left out from here; name them in build.ignore",
                 told_path(sources, change->path));
    }
    return verdict == WRITTEN_OTHER;
}

static void on_due(uv_timer_t *timer)
{
    struct sources *sources = timer->data;
    struct changes *changes = &sources->changes;
    uint64_t now = clock_ns(); /* from before: what is heard here has its quiet time, too */
    (void)tree_hear(&sources->tree);
    if (changes->count == 0 || changes_due_ns(changes) > now) {
        settle(sources);
        return;
    }
    size_t count = 0;
    char path[PATH_MAX];
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        if (!is_news(sources, change)) {
            continue;
        }
        if (count++ == 0) {
            (void)snprintf(path, sizeof path, "%s", told_path(sources, change->path));
        }
        *(change->by_build ? &sources->asked_by_build : &sources->asked_by_user) = true;
    }
    uint64_t since_ns = changes->first_ns;
    sources->tree.lost = sources->tree.lost || changes->failed;
    changes_clear(changes);
    settle(sources);
    if (count > 0) {
        sources->callback(sources->ctx, path, count, since_ns);
    }
}

static void on_calm(uv_timer_t *timer)
{
    struct sources *sources = timer->data;
    char path[PATH_MAX];
    size_t count = sources->suspects.count;
    (void)snprintf(path, sizeof path, "%s", told_path(sources, sources->suspects.list[0].path));
    changes_clear(&sources->suspects);
    sources->asked_by_pause = true;
    sources->callback(sources->ctx, path, count, clock_ns());
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct sources *sources = handle->data;
    if (--sources->handles == 0) {
        free(sources);
    }
}

static void start_inotify(struct sources *sources)
{
    sources->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int error = sources->fd < 0 ? errno : 0;
    if (error == 0) {
        int status = uv_poll_init(sources->loop, &sources->readable, sources->fd);
        if (status == 0) {
            sources->has_readable = true;
            sources->readable.data = sources;
            sources->handles++;
            status = uv_poll_start(&sources->readable, UV_READABLE, on_readable);
        }
        error = -status;
    }
    if (error != 0 && sources->fd >= 0) {
        (void)close(sources->fd);
        sources->fd = -1;
    }
    tree_init(&sources->tree, sources->fd, sources->rules, &sources->changes);
    sources->tree.error = error;
}

struct sources *sources_create(uv_loop_t *loop, struct log *log, const struct sources_rules *rules,
                               uint64_t poll_ns, sources_callback *callback, void *ctx,
                               struct error *err)
{
    struct sources *sources = calloc(1, sizeof *sources);
    if (sources == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory to watch %s", rules->root);
        return NULL;
    }
    sources->rules = rules_create(rules, err);
    if (sources->rules == NULL) {
        free(sources);
        return NULL;
    }
    sources->loop = loop;
    sources->log = log;
    sources->poll_ns = poll_ns == 0 ? FALLBACK_POLL_NS : poll_ns;
    sources->callback = callback;
    sources->ctx = ctx;
    sources->calm_ns = rules->calm_ns == 0 ? CALM_NS : rules->calm_ns;
    (void)uv_timer_init(loop, &sources->due);
    (void)uv_timer_init(loop, &sources->poll);
    (void)uv_timer_init(loop, &sources->calm);
    sources->due.data = sources->poll.data = sources->calm.data = sources;
    sources->handles = 3;
    start_inotify(sources);
    if (rules->files_only) {
        sources->tree.rules = NULL;
    }
    tree_look(&sources->tree, LOOK_FIRST);
    settle(sources);
    return sources;
}

bool sources_set_files(struct sources *sources, const char *const *paths, size_t count,
                       struct timespec since, struct error *err)
{
    (void)tree_hear(&sources->tree);
    if (!tree_set_files(&sources->tree, paths, count, &since)) {
        return error_set(err, ERROR_SYSTEM, "no memory to watch %zu files", count);
    }
    settle(sources);
    return true;
}

void sources_build_began(struct sources *sources)
{
    (void)tree_hear(&sources->tree);
    enum written_asked asked = WRITTEN_BY_PERSON;
    if (!sources->asked_by_user && sources->asked_by_build) {
        asked = WRITTEN_BY_BUILDS;
    } else if (!sources->asked_by_user && sources->asked_by_pause) {
        asked = WRITTEN_BY_SUSPICION;
    }
    written_build_began(&sources->written, asked, clock_ns());
    sources->asked_by_build = sources->asked_by_user = sources->asked_by_pause = false;
    changes_clear(&sources->suspects); /* it reads them */
    sources->changes.building = true;
    settle(sources);
}

void sources_build_ended(struct sources *sources, bool whole)
{
    (void)tree_hear(&sources->tree);
    for (size_t i = 0; i < sources->vanished.count; i++) {
        const char *path = sources->vanished.list[i].path;
        if (!written_came(&sources->written, path)) {
            changes_add(&sources->changes, path, CHANGE_LEFT, true, clock_ns());
        }
    }
    changes_clear(&sources->vanished);
    sources->changes.building = false;
    sources->build_took_ns = clock_ns() - sources->written.began_ns;
    written_build_ended(&sources->written, whole);
    settle(sources);
}

bool sources_any_newer(struct sources *sources, const struct timespec *than, char *path,
                       size_t size)
{
    char found[PATH_MAX];
    (void)tree_hear(&sources->tree);
    settle(sources);
    if (!tree_any_newer(&sources->tree, than, found, sizeof found)) {
        return false;
    }
    (void)snprintf(path, size, "%s", told_path(sources, found));
    return true;
}

size_t sources_count(const struct sources *sources)
{
    return sources->tree.files;
}

bool sources_is_polling(const struct sources *sources)
{
    return sources->tree.unwatched > 0;
}

void sources_destroy(struct sources *sources)
{
    if (sources == NULL || sources->closing) {
        return;
    }
    sources->closing = true;
    uv_close((uv_handle_t *)&sources->due, on_closed);
    uv_close((uv_handle_t *)&sources->poll, on_closed);
    uv_close((uv_handle_t *)&sources->calm, on_closed);
    if (sources->has_readable) {
        uv_close((uv_handle_t *)&sources->readable, on_closed);
    }
    tree_finish(&sources->tree);
    if (sources->fd >= 0) {
        (void)close(sources->fd); /* libuv has let go of it */
    }
    changes_finish(&sources->changes);
    changes_finish(&sources->vanished);
    changes_finish(&sources->suspects);
    written_finish(&sources->written);
    rules_destroy(sources->rules);
}
