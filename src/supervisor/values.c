#include "supervisor/values.h"

#include "base/file.h"
#include "base/signals.h"
#include "layout/layout_set.h"
#include "state/json.h"
#include "state/pointer.h"
#include "store/portable.h"
#include "supervisor/layouts.h"
#include "supervisor/state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALUE_MOST ((size_t)1 << 30)

struct value_job {
    uv_work_t work;
    struct supervisor *sup;
    struct value_job *next;
    struct control_call *call; /* NULL: nobody waits any more */
    struct value_source source;
    struct text state;
    char *pointer;
    struct layout_set layouts;
    struct text result;
    struct error err; /* of the work; ERROR_NONE: the result is there */
};

/* ---- the work ---- */

static bool too_large(struct value_job *job)
{
    return error_set(&job->err, ERROR_LIMIT,
                     "it is larger than 1 GB, or memory is missing: ask for a part of it");
}

static bool put_value_of_image(struct value_job *job)
{
    return portable_json(text_string(&job->state), job->state.len, &job->layouts, job->pointer,
                         &job->result, &job->err) ||
           (job->result.failed && too_large(job));
}

static bool put_value(struct value_job *job, const char *json, size_t len)
{
    struct span span = {0, len};
    bool whole = job->source.form == REPLY_VALUE;
    return json_check(json, len, &job->err) &&
           (whole || pointer_find(json, len, job->pointer, &span, &job->err)) &&
           (text_append(&job->result, json + span.start, span.end - span.start) || too_large(job));
}

static bool read_shared(struct value_job *job)
{
    struct value_source *source = &job->source;
    struct shared shared = {.fd = source->fd, .limit = source->limit};
    struct snapshot snapshot;
    if (!shared_read(&shared, source->slot, &snapshot, &job->state, &job->err)) {
        return false;
    }
    source->form = snapshot.kind == SNAPSHOT_PARTS ? REPLY_IMAGE : REPLY_TEXT;
    source->generation = snapshot.generation;
    source->step = snapshot.step;
    return snapshot.kind != SNAPSHOT_IMAGE ||
           error_set(&job->err, ERROR_REFUSED, "the state was written over: try again");
}

/* Through the descriptor: what is mapped could be cut by a host that does not behave. */
static bool read_state(struct value_job *job)
{
    struct value_source *source = &job->source;
    if (source->shared) {
        return read_shared(job);
    }
    job->state.limit = (size_t)source->limit;
    return file_read_from_begin(source->fd, &job->state) ||
           error_set(&job->err, ERROR_LIMIT,
                     "the state takes more than %zu bytes (state.max_json and state.pin_limit set "
                     "how many are allowed), or memory is missing",
                     job->state.limit);
}

static void on_work(uv_work_t *work)
{
    struct value_job *job = work->data;
    struct value_source *source = &job->source;
    struct text *state = &job->state;
    job->result.limit = VALUE_MOST;
    if (!read_state(job)) {
        return;
    }
    bool ok = text_puts(&job->result, "{\"value\":") &&
              (source->form == REPLY_IMAGE ? put_value_of_image(job)
                                           : put_value(job, text_string(state), state->len));
    if (!ok && job->err.code == ERROR_NONE) {
        (void)error_set(&job->err, ERROR_SYSTEM, "no memory for the answer");
    }
    if (ok &&
        !text_printf(&job->result, ",\"generation\":%llu,\"step\":%llu}",
                     (unsigned long long)source->generation, (unsigned long long)source->step)) {
        (void)error_set(&job->err, ERROR_SYSTEM, "no memory for the answer");
    }
}

/* ---- on the loop ---- */

static void free_job(struct value_job *job)
{
    (void)close(job->source.fd);
    text_finish(&job->state);
    text_finish(&job->result);
    layout_set_finish(&job->layouts);
    free(job->pointer);
    free(job);
}

static void on_worked(uv_work_t *work, int status)
{
    struct value_job *job = work->data;
    struct value_job **at = &job->sup->values;
    (void)status;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    if (job->call != NULL && job->err.code != ERROR_NONE) {
        control_fail(job->call, CONTROL_REFUSED, job->err.text);
    } else if (job->call != NULL) {
        control_answer_text(job->call, text_string(&job->result), job->result.len);
    }
    free_job(job);
}

void values_answer(struct supervisor *sup, const struct value_source *source, const char *pointer,
                   struct control_call *call)
{
    struct value_job *job = calloc(1, sizeof *job);
    sigset_t before;
    bool queued = false;
    if (job != NULL) {
        *job = (struct value_job){
            .sup = sup, .call = call, .source = *source, .pointer = strdup(pointer)};
        layout_set_copy(&job->layouts, layouts_known(sup));
        job->work.data = job;
        signals_block(&before); /* threads that are started by this leave them to the loop's */
        queued =
            job->pointer != NULL && uv_queue_work(sup->loop, &job->work, on_work, on_worked) == 0;
        signals_restore(&before);
    } else {
        (void)close(source->fd);
    }
    if (queued) {
        job->next = sup->values;
        sup->values = job;
        return;
    }
    control_fail(call, CONTROL_INTERNAL, "no memory for the state");
    if (job != NULL) {
        free_job(job);
    }
}

void values_finish(struct supervisor *sup)
{
    for (struct value_job *job = sup->values; job != NULL; job = job->next) {
        job->call = NULL;
        (void)uv_cancel((uv_req_t *)&job->work);
    }
}
