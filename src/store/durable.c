#define _GNU_SOURCE /* F_DUPFD_CLOEXEC */
#include "store/durable.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "base/signals.h"
#include "store/portable.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES_MOST (2 * SHARED_SLOT_COUNT)

struct job {
    uv_work_t work;
    struct durable *durable;
    struct job *next;
    struct shared shared; /* with a descriptor of its own, and nothing mapped */
    struct layout_set layouts;
    int slot;
    int folder; /* of a file alone; -1: it is for the store */
    char *copy; /* a path, or the name in `folder`; NULL: none */
    void *call;
    uint64_t stored, stored_id; /* when the work began */
    struct durable_outcome outcome;
    bool finished; /* by the worker; under the mutex */
    bool told;
};

struct durable {
    uv_loop_t *loop;
    struct store *store;
    const struct layout_set *layouts;
    durable_done *done;
    void *ctx;
    struct job *active;         /* with a worker */
    struct job *first;          /* waiting; what is for the store comes before files alone */
    uint64_t stored, stored_id; /* sequence and number of the newest */
    bool flushing;
    uv_mutex_t mutex;
    uv_cond_t finished;
};

/* Of a file alone. */
static bool is_apart(const struct job *job)
{
    return job->folder >= 0;
}

/* ---- the work ---- */

/* The newest whole snapshot with a sequence below `below`. */
static int newest_below(const struct shared *shared, uint64_t below)
{
    int newest = -1;
    uint64_t sequence = 0;
    for (int slot = 0; slot < SHARED_SLOT_COUNT; slot++) {
        struct snapshot snapshot;
        if (shared_peek(shared, slot, &snapshot) && snapshot.sequence < below &&
            snapshot.sequence > sequence) {
            newest = slot;
            sequence = snapshot.sequence;
        }
    }
    return newest;
}

/* The one that is asked for. Where that is written over at this moment, the newest: a writer has to
 * fill the other slot before it comes back to this one. */
static bool read_state(struct job *job, struct snapshot *snapshot, struct text *state,
                       struct error *err)
{
    if (shared_read(&job->shared, job->slot, snapshot, state, err)) {
        return true;
    }
    uint64_t below = UINT64_MAX;
    for (int tries = 0; tries < TRIES_MOST; tries++) {
        int slot = newest_below(&job->shared, below);
        if (slot < 0) {
            return false;
        }
        if (shared_read(&job->shared, slot, snapshot, state, err)) {
            return snapshot->sequence >= job->stored ||
                   error_set(err, ERROR_BUSY, "the module publishes its state too fast to read it");
        }
        bool last_of_all = tries >= TRIES_MOST / 2 && shared_peek(&job->shared, slot, snapshot);
        below = last_of_all ? snapshot->sequence : UINT64_MAX;
    }
    return false;
}

static bool make_file(const struct snapshot *snapshot, const struct text *state, struct text *file,
                      struct error *err)
{
    struct envelope envelope;
    struct error why;
    if (!envelope_write(file, snapshot, text_string(state), err)) {
        return false;
    }
    bool whole = envelope_read(&envelope, file->data, file->len, &why) == ENVELOPE_WHOLE;
    envelope_finish(&envelope);
    return whole ||
           error_set(err, ERROR_INTERNAL, "the snapshot could not be read back: %s", why.text);
}

static bool write_copy(const char *path, const struct text *file, struct error *err)
{
    char *dir = path_dir(path);
    int fd = dir == NULL ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct error why;
    bool ok = false;
    if (fd < 0) {
        error_errno(err, "cannot open the folder of %s", path);
    } else {
        ok = file_replace_synced(fd, path_base(path), file->data, file->len, &why) ||
             error_set(err, why.code, "%s: %s", path, why.text);
        (void)close(fd);
    }
    free(dir);
    return ok;
}

static void run_apart(struct job *job)
{
    struct snapshot *snapshot = &job->outcome.snapshot;
    struct error *err = &job->outcome.err;
    struct text state = {0}, file = {0};
    bool ok = shared_read(&job->shared, job->slot, snapshot, &state, err) &&
              portable_make(snapshot, &state, &job->layouts, (size_t)job->shared.limit, err) &&
              make_file(snapshot, &state, &file, err);
    text_finish(&state);
    job->outcome.ok = ok && file_replace(job->folder, job->copy, file.data, file.len, err);
    text_finish(&file);
}

static void run_stored(struct job *job)
{
    struct durable_outcome *outcome = &job->outcome;
    struct snapshot *snapshot = &outcome->snapshot;
    struct store *store = job->durable->store;
    struct text state = {0}, file = {0};
    struct store_entry entry;
    bool ok = read_state(job, snapshot, &state, &outcome->err);
    bool known = ok && snapshot->sequence == job->stored && job->stored_id != 0 &&
                 store_look(store, job->stored_id, &entry, NULL);
    if (known) {
        outcome->stored = true;
        outcome->id = job->stored_id;
    }
    if (ok && (!known || job->copy != NULL)) {
        ok = portable_make(snapshot, &state, &job->layouts, (size_t)job->shared.limit,
                           &outcome->err);
        outcome->useless = !ok && outcome->err.code == ERROR_REFUSED;
        ok = ok && make_file(snapshot, &state, &file, &outcome->err);
    }
    text_finish(&state);
    /* A store that fails is no reason to fail the copy too. */
    struct error why;
    bool copied = !ok || job->copy == NULL || write_copy(job->copy, &file, &why);
    if (ok && !known) {
        ok = store_put(store, file.data, file.len, &outcome->id, &outcome->err);
        outcome->stored = outcome->fresh = ok;
    }
    if (ok && !copied) {
        ok = error_set(&outcome->err, why.code, "%s", why.text);
    }
    text_finish(&file);
    outcome->ok = ok;
}

static void run(struct job *job)
{
    uint64_t begun = clock_ns();
    if (is_apart(job)) {
        run_apart(job);
    } else {
        run_stored(job);
    }
    job->outcome.took_ns = clock_ns() - begun;
}

static void on_work(uv_work_t *work)
{
    struct job *job = work->data;
    struct durable *durable = job->durable;
    run(job);
    uv_mutex_lock(&durable->mutex);
    job->finished = true;
    uv_cond_signal(&durable->finished);
    uv_mutex_unlock(&durable->mutex);
}

/* ---- the order ---- */

static void free_job(struct job *job)
{
    if (job->shared.fd >= 0) {
        (void)close(job->shared.fd);
    }
    if (job->folder >= 0) {
        (void)close(job->folder);
    }
    layout_set_finish(&job->layouts);
    free(job->copy);
    free(job);
}

static void tell(struct job *job)
{
    struct durable *durable = job->durable;
    job->told = true;
    if (job->outcome.fresh) {
        durable->stored = job->outcome.snapshot.sequence;
        durable->stored_id = job->outcome.id;
    }
    durable->done(durable->ctx, job->call, &job->outcome);
}

static struct job *next_job(struct durable *durable)
{
    struct job *job = durable->first;
    if (job != NULL) {
        durable->first = job->next;
        job->stored = durable->stored;
        job->stored_id = durable->stored_id;
    }
    return job;
}

static void on_worked(uv_work_t *work, int status);

/* libuv starts its threads at the first work. They leave all signals to the loop's thread, which
 * holds those that would end it while it puts the last things away. */
static bool queue(struct job *job)
{
    sigset_t before;
    signals_block(&before);
    int status = uv_queue_work(job->durable->loop, &job->work, on_work, on_worked);
    signals_restore(&before);
    return status == 0;
}

static void begin(struct durable *durable)
{
    while (!durable->flushing && durable->active == NULL && durable->first != NULL) {
        struct job *job = next_job(durable);
        job->work.data = job;
        durable->active = job;
        if (queue(job)) {
            return;
        }
        durable->active = NULL;
        run(job);
        tell(job);
        free_job(job);
    }
}

static void on_worked(uv_work_t *work, int status)
{
    struct job *job = work->data;
    struct durable *durable = job->durable;
    (void)status;
    if (!job->told) {
        durable->active = NULL;
        tell(job);
    }
    free_job(job);
    begin(durable);
}

/* A large state takes seconds, and what goes on is not to be stored late for what has ended. */
static void add(struct durable *durable, struct job *job)
{
    struct job **at = &durable->first;
    while (*at != NULL && (is_apart(job) || !is_apart(*at))) {
        at = &(*at)->next;
    }
    job->next = *at;
    *at = job;
}

/* Takes `folder` over. */
static bool submit(struct durable *durable, const struct shared *shared, int slot, int folder,
                   const char *copy, void *call, struct error *err)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        if (folder >= 0) {
            (void)close(folder);
        }
        return error_set(err, ERROR_SYSTEM, "no memory to store a snapshot");
    }
    *job = (struct job){
        .durable = durable,
        .shared = {.fd = fcntl(shared->fd, F_DUPFD_CLOEXEC, 3), .limit = shared->limit},
        .slot = slot,
        .folder = folder,
        .copy = copy == NULL ? NULL : strdup(copy),
        .call = call};
    if (job->shared.fd < 0 || (copy != NULL && job->copy == NULL)) {
        error_errno(err, "cannot store a snapshot");
        free_job(job);
        return false;
    }
    layout_set_copy(&job->layouts, durable->layouts);
    add(durable, job);
    begin(durable);
    return true;
}

bool durable_submit(struct durable *durable, const struct shared *shared, int slot,
                    const char *copy, void *call, struct error *err)
{
    return submit(durable, shared, slot, -1, copy, call, err);
}

bool durable_keep(struct durable *durable, const struct shared *shared, int slot, int folder_fd,
                  const char *name, void *call, struct error *err)
{
    return submit(durable, shared, slot, folder_fd, name, call, err);
}

bool durable_is_busy(const struct durable *durable)
{
    return (durable->active != NULL && !is_apart(durable->active)) ||
           (durable->first != NULL && !is_apart(durable->first));
}

uint64_t durable_sequence(const struct durable *durable)
{
    return durable->stored;
}

void durable_set_stored(struct durable *durable, uint64_t sequence, uint64_t id)
{
    durable->stored = sequence;
    durable->stored_id = id;
}

static void finish_active(struct durable *durable)
{
    struct job *active = durable->active;
    if (uv_cancel((uv_req_t *)&active->work) == 0) {
        run(active);
    } else {
        uv_mutex_lock(&durable->mutex);
        while (!active->finished) {
            uv_cond_wait(&durable->finished, &durable->mutex);
        }
        uv_mutex_unlock(&durable->mutex);
    }
    durable->active = NULL;
    tell(active); /* freed when the loop hears of it */
}

static void flush(struct durable *durable, bool apart)
{
    durable->flushing = true;
    if (durable->active != NULL && (apart || !is_apart(durable->active))) {
        finish_active(durable);
    }
    while (durable->first != NULL && (apart || !is_apart(durable->first))) {
        struct job *job = next_job(durable);
        run(job);
        tell(job);
        free_job(job);
    }
    durable->flushing = false;
}

void durable_flush_store(struct durable *durable)
{
    flush(durable, false);
}

void durable_flush(struct durable *durable)
{
    flush(durable, true);
}

struct durable *durable_create(uv_loop_t *loop, struct store *store,
                               const struct layout_set *layouts, durable_done *done, void *ctx)
{
    struct durable *durable = calloc(1, sizeof *durable);
    if (durable == NULL) {
        return NULL;
    }
    *durable = (struct durable){
        .loop = loop, .store = store, .layouts = layouts, .done = done, .ctx = ctx};
    if (uv_mutex_init(&durable->mutex) != 0) {
        free(durable);
        return NULL;
    }
    if (uv_cond_init(&durable->finished) != 0) {
        uv_mutex_destroy(&durable->mutex);
        free(durable);
        return NULL;
    }
    return durable;
}

void durable_destroy(struct durable *durable)
{
    if (durable != NULL) {
        uv_cond_destroy(&durable->finished);
        uv_mutex_destroy(&durable->mutex);
        free(durable);
    }
}
