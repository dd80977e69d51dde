#include "supervisor/resume.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "base/signals.h"
#include "store/envelope.h"
#include "store/set_aside.h"
#include "store/store.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SEQUENCE 1 /* of what a run starts from */

struct restoring { /* a file that is being read, on a worker thread, for what runs */
    uv_work_t work;
    struct supervisor *sup;
    struct control_call *call; /* NULL: nobody waits any more */
    uint64_t id;
    char *path;
    size_t limit;
    bool ok; /* of the work; false: `err` */
    struct text bytes;
    struct envelope envelope;
    struct text state;
    struct error err;
};

static size_t file_limit(const struct supervisor *sup)
{
    return (size_t)envelope_size_max(supervisor_snapshot_limit(sup));
}

/* Reads what the bytes of `path` mean. `by_hand`: a file without its checksum is good enough. */
static bool read_envelope(const struct text *bytes, const char *path, bool by_hand,
                          struct envelope *envelope, struct error *err)
{
    struct error why;
    switch (envelope_read(envelope, text_string(bytes), bytes->len, &why)) {
    case ENVELOPE_WHOLE:
        return true;
    case ENVELOPE_UNCHECKED:
        return by_hand ||
               error_set(err, ERROR_REFUSED,
                         "%s: its \"check\" is missing, as somebody has edited it; `hotrun "
                         "--restore` takes it all the same",
                         path);
    default:
        return error_set(err, why.code, "%s: %s", path, why.text);
    }
}

/* The state is where the first host will find it, and numbers go on from it. */
static bool begin_with(struct supervisor *sup, const struct envelope *envelope, struct error *err)
{
    struct shared memory;
    struct snapshot snapshot = envelope->snapshot;
    snapshot.sequence = FIRST_SEQUENCE;
    if (!shared_create(&memory, supervisor_snapshot_limit(sup), err)) {
        return false;
    }
    if (!shared_publish(&memory, SHARED_PIN_0, &snapshot, envelope->state, (size_t)snapshot.len,
                        err)) {
        shared_finish(&memory);
        return false;
    }
    shared_finish(&sup->memory);
    sup->memory = memory;
    sup->good_slot = SHARED_PIN_0;
    if (sup->generations < snapshot.generation) {
        sup->generations = snapshot.generation;
    }
    sup->report.step = snapshot.step;
    return true;
}

static void tell_begin(const struct supervisor *sup, const struct snapshot *snapshot,
                       const char *path)
{
    char age[48], step[32];
    report_age(snapshot->time_ns, age, sizeof age);
    report_count(snapshot->step, step, sizeof step);
    log_tone(sup->log, LOG_TONE_PLAIN,
             "going on from %s: step %s of generation %llu, module %s, %s", path, step,
             (unsigned long long)snapshot->generation, snapshot->module, age);
}

/* Begins with what the bytes of a file called `name` mean. `step`: of its state. */
static bool begin_with_file(struct supervisor *sup, const struct text *bytes, const char *name,
                            bool by_hand, uint64_t *step, struct error *err)
{
    struct envelope envelope = {0};
    bool ok =
        read_envelope(bytes, name, by_hand, &envelope, err) && begin_with(sup, &envelope, err);
    if (ok) {
        *step = envelope.snapshot.step;
        tell_begin(sup, &envelope.snapshot, name);
    }
    envelope_finish(&envelope);
    return ok;
}

static char *shown(const char *path)
{
    char *text = path_short(path);
    return text == NULL ? strdup(path) : text;
}

bool resume_file(struct supervisor *sup, struct error *err)
{
    const char *path = sup->config->restore;
    struct text bytes = {0};
    uint64_t step;
    if (path == NULL) {
        return true;
    }
    char *name = shown(path);
    bool ok = name != NULL ? file_read(path, file_limit(sup), &bytes, err) &&
                                 begin_with_file(sup, &bytes, name, true, &step, err)
                           : error_set(err, ERROR_SYSTEM, "no memory for a path");
    text_finish(&bytes);
    free(name);
    return ok;
}

static bool is_trusted(const struct supervisor *sup, uint64_t id, const char *name,
                       struct error *err)
{
    return !set_aside_has(sup->run_dir.fd, id, sup->config->module_path) ||
           error_set(err, ERROR_REFUSED,
                     "%s: this library has died of it twice; `hotrun --restore` takes it all the "
                     "same",
                     name);
}

/* One snapshot of the store. False: it can't be used. */
static bool try_one(struct supervisor *sup, uint64_t id, struct error *err)
{
    struct text bytes = {0};
    uint64_t step = 0;
    char *path = store_path(snapshots_store(sup), id);
    char *name = path == NULL ? NULL : shown(path);
    bool ok = name != NULL
                  ? is_trusted(sup, id, name, err) &&
                        store_read(snapshots_store(sup), id, file_limit(sup), &bytes, err) &&
                        begin_with_file(sup, &bytes, name, false, &step, err)
                  : error_set(err, ERROR_SYSTEM, "no memory for a path");
    if (ok) {
        snapshots_set_stored(sup, FIRST_SEQUENCE, id, step);
    }
    text_finish(&bytes);
    free(name);
    free(path);
    return ok;
}

bool resume_newest(struct supervisor *sup, struct error *err)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    struct error why = {0};
    if (sup->good_slot != NO_SLOT) {
        snapshots_set_stored(sup, FIRST_SEQUENCE, 0, 0); /* of run.restore: it has its file */
        return true;
    }
    if (!sup->config->resume) {
        return true;
    }
    bool found = false;
    if (!store_ids(snapshots_store(sup), &ids, &count, &why)) {
        log_line(sup->log, LOG_WARN, "%s", why.text);
    }
    for (size_t i = 0; i < count && !found; i++) {
        found = try_one(sup, ids[i], &why);
        if (!found) {
            log_line(sup->log, LOG_WARN, "not resumed from %s", why.text);
        }
    }
    if (!found) {
        log_tone(sup->log, LOG_TONE_PLAIN,
                 count == 0 ? "nothing to resume: there is no snapshot in %s/snapshots; the state "
                              "starts anew"
                            : "nothing to resume: no snapshot in %s/snapshots is whole; the state "
                              "starts anew",
                 sup->run_dir.path);
    }
    free(ids);
    (void)err;
    return true;
}

void resume_died(struct supervisor *sup)
{
    struct snapshot snapshot;
    const struct build *build = sup->next != NULL ? sup->next : sup->current;
    if (build == NULL || sup->good_slot == NO_SLOT || sup->memory.fd < 0 ||
        !shared_peek(&sup->memory, sup->good_slot, &snapshot) ||
        snapshot.sequence != FIRST_SEQUENCE) {
        return;
    }
    uint64_t id = snapshots_stored_id(sup, FIRST_SEQUENCE);
    if (id != 0) {
        set_aside_note(sup->run_dir.fd, id, build->stage.hash);
    }
}

/* ---- while it runs ---- */

static bool fits_what_runs(const struct supervisor *sup, const struct snapshot *snapshot,
                           const char *path, struct error *err)
{
    return sup->module[0] == '\0' || strcmp(sup->module, snapshot->module) == 0 ||
           error_set(err, ERROR_REFUSED, "%s is of the module \"%s\", and \"%s\" runs", path,
                     snapshot->module, sup->module);
}

/* Nothing has run so far: the library is started from the snapshot, as from the last good state of
 * a hold. The call is answered with the outcome. */
static void start_with(struct supervisor *sup, const struct envelope *envelope,
                       struct control_call *call)
{
    struct error err;
    if (sup->reload_call_count == CALLS_MOST) {
        control_fail(call, CONTROL_REFUSED, "too many calls wait for their outcome already");
    } else if (!begin_with(sup, envelope, &err)) {
        control_fail(call, CONTROL_REFUSED, err.text);
    } else {
        snapshots_set_stored(sup, FIRST_SEQUENCE, 0, 0);
        sup->reload_calls[sup->reload_call_count++] = (struct reload_call){.call = call};
        sup->noticed_ns = clock_ns();
        sup->forced = true;
        staging_now(sup, true);
    }
}

static void go_on_with(struct restoring *restoring)
{
    struct supervisor *sup = restoring->sup;
    struct control_call *call = restoring->call;
    struct snapshot *snapshot = &restoring->envelope.snapshot;
    struct error err = restoring->err;
    if (!restoring->ok || !fits_what_runs(sup, snapshot, restoring->path, &err)) {
        control_fail(call, CONTROL_REFUSED, err.text);
    } else if (sup->ending || sup->state == POLICY_STOPPING) {
        control_fail(call, CONTROL_REFUSED, "hotrun is stopping");
    } else if (sup->state == POLICY_HELD && sup->current == NULL) {
        start_with(sup, &restoring->envelope, call);
    } else if (snapshot->len > supervisor_snapshot_limit(sup)) {
        control_fail(call, CONTROL_REFUSED, "its state is larger than state.max_json allows");
    } else {
        /* Its generation may be of another run: here it is not to look newer than what runs. */
        if (sup->current != NULL && snapshot->generation > sup->current->generation) {
            snapshot->generation = sup->current->generation;
        }
        replace_ask(sup, REPLACE_RESTORE, false, restoring->id, snapshot, &restoring->state, call);
    }
}

static void free_restoring(struct restoring *restoring)
{
    text_finish(&restoring->state);
    envelope_finish(&restoring->envelope);
    text_finish(&restoring->bytes);
    free(restoring->path);
    free(restoring);
}

static void on_read(uv_work_t *work)
{
    struct restoring *restoring = work->data;
    struct envelope *envelope = &restoring->envelope;
    struct error *err = &restoring->err;
    restoring->ok =
        file_read(restoring->path, restoring->limit, &restoring->bytes, err) &&
        read_envelope(&restoring->bytes, restoring->path, true, envelope, err) &&
        (text_append(&restoring->state, envelope->state, (size_t)envelope->snapshot.len) ||
         error_set(err, ERROR_SYSTEM, "no memory for its state"));
}

static void on_was_read(uv_work_t *work, int status)
{
    struct restoring *restoring = work->data;
    struct supervisor *sup = restoring->sup;
    (void)status;
    sup->restoring = NULL;
    if (restoring->call != NULL) {
        go_on_with(restoring);
    }
    free_restoring(restoring);
}

void resume_with(struct supervisor *sup, const char *path, uint64_t id, struct control_call *call)
{
    sigset_t before;
    struct restoring *restoring = sup->restoring != NULL ? NULL : calloc(1, sizeof *restoring);
    bool queued = false;
    if (restoring != NULL) {
        *restoring = (struct restoring){
            .sup = sup, .call = call, .id = id, .path = strdup(path), .limit = file_limit(sup)};
        restoring->work.data = restoring;
        signals_block(&before); /* threads that are started by this leave them to the loop's */
        queued = restoring->path != NULL &&
                 uv_queue_work(sup->loop, &restoring->work, on_read, on_was_read) == 0;
        signals_restore(&before);
    }
    if (queued) {
        sup->restoring = restoring;
        return;
    }
    control_fail(call, restoring == NULL ? CONTROL_REFUSED : CONTROL_INTERNAL,
                 sup->restoring != NULL ? "another snapshot is being restored: try again"
                                        : "no memory to restore a snapshot");
    if (restoring != NULL) {
        free_restoring(restoring);
    }
}

void resume_finish(struct supervisor *sup)
{
    if (sup->restoring != NULL) {
        sup->restoring->call = NULL;
        (void)uv_cancel((uv_req_t *)&sup->restoring->work);
    }
}

void resume_command(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "file"));
    if (path == NULL || path[0] != '/') {
        control_fail(call, CONTROL_INVALID_PARAMS, "file: expected an absolute path");
        return;
    }
    resume_with(sup, path, 0, call);
}
