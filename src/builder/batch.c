#include "builder/batch.h"

#include "base/array.h"
#include "base/text.h"

#include <stdlib.h>

#define AT_ONCE_MOST 32U               /* each has a terminal and pipes */
#define OUTPUT_MOST  ((size_t)4 << 20) /* of a command that is not heard as it goes */

struct job {
    struct batch *batch;
    struct flags argv;
    void *tag;
    struct command *command; /* NULL: it has not been started, or is over */
    struct text output;
    bool over;
};

struct batch {
    uv_loop_t *loop;
    struct command_options options;
    struct batch_callbacks callbacks;
    unsigned at_once;
    struct job **jobs; /* owned */
    size_t count, cap, next, running;
    size_t heard;     /* the job whose output is handed on */
    uv_timer_t *soon; /* to end from the loop; NULL: closed */
    struct command_end end;
    struct error problem;
    bool failed, cancelled;
};

static void on_freed(uv_handle_t *handle)
{
    free(handle);
}

static unsigned processors(void)
{
    unsigned count = uv_available_parallelism();
    return count < AT_ONCE_MOST ? count : AT_ONCE_MOST;
}

struct batch *batch_create(uv_loop_t *loop, const struct command_options *options, unsigned at_once,
                           const struct batch_callbacks *callbacks)
{
    struct batch *batch = calloc(1, sizeof *batch);
    uv_timer_t *soon = malloc(sizeof *soon);
    if (batch == NULL || soon == NULL) {
        free(batch);
        free(soon);
        return NULL;
    }
    *batch = (struct batch){.loop = loop,
                            .options = *options,
                            .callbacks = *callbacks,
                            .at_once = at_once == 0 ? processors() : at_once,
                            .soon = soon};
    (void)uv_timer_init(loop, soon);
    soon->data = batch;
    return batch;
}

bool batch_add(struct batch *batch, struct flags *argv, void *tag)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL || argv->failed ||
        !array_reserve(&batch->jobs, &batch->cap, batch->count + 1, sizeof(struct job *))) {
        free(job);
        return false;
    }
    *job =
        (struct job){.batch = batch, .argv = *argv, .tag = tag, .output = {.limit = OUTPUT_MOST}};
    *argv = (struct flags){0};
    batch->jobs[batch->count++] = job;
    return true;
}

static void fail(struct batch *batch, const struct command_end *end)
{
    if (!batch->failed) {
        batch->failed = true;
        batch->end = *end;
    }
}

/* ---- output ---- */

static void hear(struct batch *batch)
{
    while (batch->heard < batch->next) {
        struct job *job = batch->jobs[batch->heard];
        if (job->output.len > 0) {
            batch->callbacks.output(batch->callbacks.ctx, job->output.data, job->output.len);
            text_finish(&job->output);
        }
        if (!job->over) {
            return;
        }
        batch->heard++;
    }
}

static void on_output(void *ctx, const char *bytes, size_t len)
{
    struct job *job = ctx;
    if (job->batch->jobs[job->batch->heard] == job) {
        job->batch->callbacks.output(job->batch->callbacks.ctx, bytes, len);
    } else {
        (void)text_append(&job->output, bytes, len);
        job->output.failed = false; /* what is too much is left out */
    }
}

/* ---- running ---- */

static void start_more(struct batch *batch);

static void tell_end(struct batch *batch)
{
    struct command_end end = batch->end;
    end.cancelled = end.cancelled || batch->cancelled;
    batch->callbacks.ended(batch->callbacks.ctx, &end,
                           batch->problem.code != ERROR_NONE ? &batch->problem : NULL);
}

static void on_soon(uv_timer_t *timer)
{
    tell_end(timer->data);
}

static void on_ended(void *ctx, const struct command_end *end)
{
    struct job *job = ctx;
    struct batch *batch = job->batch;
    command_destroy(job->command);
    job->command = NULL;
    job->over = true;
    batch->running--;
    if (end->status != 0 || end->signal != 0 || end->cancelled || end->timed_out) {
        fail(batch, end);
    }
    hear(batch);
    batch->callbacks.one_ended(batch->callbacks.ctx, job->tag, end);
    start_more(batch);
    if (batch->running == 0) {
        tell_end(batch);
    }
}

static void on_process(void *ctx, pid_t pid, bool runs)
{
    struct batch *batch = ((struct job *)ctx)->batch;
    if (batch->callbacks.process != NULL) {
        batch->callbacks.process(batch->callbacks.ctx, pid, runs);
    }
}

static void start_more(struct batch *batch)
{
    while (batch->next < batch->count && batch->running < batch->at_once && !batch->failed &&
           !batch->cancelled) {
        struct job *job = batch->jobs[batch->next++];
        struct command_callbacks callbacks = {
            .ctx = job, .process = on_process, .output = on_output, .ended = on_ended};
        struct command_options options = batch->options;
        options.argv = flags_argv(&job->argv);
        job->command = command_start(batch->loop, &options, &callbacks, &batch->problem);
        if (job->command == NULL) {
            job->over = true;
            fail(batch, &(struct command_end){.status = 127});
        } else {
            batch->running++;
        }
    }
}

void batch_start(struct batch *batch)
{
    start_more(batch);
    if (batch->running == 0) {
        (void)uv_timer_start(batch->soon, on_soon, 0, 0);
    }
}

void batch_cancel(struct batch *batch)
{
    batch->cancelled = true;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->jobs[i]->command != NULL) {
            command_cancel(batch->jobs[i]->command);
        }
    }
}

void batch_destroy(struct batch *batch)
{
    if (batch == NULL) {
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct job *job = batch->jobs[i];
        command_destroy(job->command);
        flags_finish(&job->argv);
        text_finish(&job->output);
        free(job);
    }
    free(batch->jobs);
    uv_close((uv_handle_t *)batch->soon, on_freed);
    free(batch);
}
