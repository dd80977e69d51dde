/* One command and what is heard of it. */
#ifndef COMMAND_TRIAL_H
#define COMMAND_TRIAL_H

#include "base/text.h"
#include "builder/command.h"
#include "builder/cut.h"
#include "trial.h"

struct trial { /* one command and what was heard of it */
    uv_loop_t loop;
    struct command *command;
    struct text output;
    struct command_end end;
    size_t bytes;
    unsigned begun, reaped;
    bool ended, keep_nothing;
    unsigned cut;        /* pieces that end in a character or in an escape sequence */
    const char *awaited; /* in the output */
};

static inline void on_process(void *ctx, pid_t pid, bool runs)
{
    struct trial *trial = ctx;
    assert_true(pid > 1);
    *(runs ? &trial->begun : &trial->reaped) += 1;
}

static inline void on_output(void *ctx, const char *bytes, size_t len)
{
    struct trial *trial = ctx;
    assert_false(trial->ended);
    trial->bytes += len;
    trial->cut += cut_whole(bytes, len) != len;
    if (!trial->keep_nothing) {
        text_append(&trial->output, bytes, len);
    }
}

static inline void on_ended(void *ctx, const struct command_end *end)
{
    struct trial *trial = ctx;
    assert_false(trial->ended);
    trial->ended = true;
    trial->end = *end;
    command_destroy(trial->command);
    trial->command = NULL;
}

static inline bool has_ended(void *ctx)
{
    return ((struct trial *)ctx)->ended;
}

static inline bool was_heard(void *ctx)
{
    struct trial *trial = ctx;
    return strstr(text_string(&trial->output), trial->awaited) != NULL;
}

static inline bool start(struct trial *trial, const struct command_options *options,
                         struct error *err)
{
    const struct command_callbacks callbacks = {
        .ctx = trial, .process = on_process, .output = on_output, .ended = on_ended};
    *trial = (struct trial){0};
    assert_int_equal(uv_loop_init(&trial->loop), 0);
    trial->command = command_start(&trial->loop, options, &callbacks, err);
    return trial->command != NULL;
}

static inline void begin(struct trial *trial, const char *line)
{
    struct error err;
    const struct command_options options = {.shell = line, .dir = trial_dir};
    assert_true(start(trial, &options, &err));
}

static inline void finish(struct trial *trial)
{
    command_destroy(trial->command);
    drain(&trial->loop);
    assert_int_equal(trial->begun, trial->reaped);
    text_finish(&trial->output);
}

static inline void run_with(struct trial *trial, const struct command_options *options)
{
    struct error err;
    assert_true(start(trial, options, &err));
    run_until(&trial->loop, has_ended, trial);
}

static inline void run(struct trial *trial, const char *line)
{
    begin(trial, line);
    run_until(&trial->loop, has_ended, trial);
}

static inline void hear(struct trial *trial, const char *awaited)
{
    trial->awaited = awaited;
    run_until(&trial->loop, was_heard, trial);
}

#endif
