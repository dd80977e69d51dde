/* Sources that are watched in a folder of their own, and what was told of them. */
#ifndef TEST_SOURCES_TRIAL_H
#define TEST_SOURCES_TRIAL_H

#include "base/clock.h"
#include "builder/sources.h"

#include "trial.h"

struct trial {
    uv_loop_t loop;
    struct log log;
    struct sources *sources;
    unsigned told;   /* how often */
    size_t count;    /* of the last time */
    char path[4096]; /* likewise */
    uint64_t since_ns, told_ns;
    bool destroy_in_callback;
};

static inline void on_sources(void *ctx, const char *path, size_t count, uint64_t since_ns)
{
    struct trial *t = ctx;
    t->told_ns = clock_ns();
    t->told++;
    t->count = count;
    (void)snprintf(t->path, sizeof t->path, "%s", path);
    t->since_ns = since_ns;
    if (t->destroy_in_callback) {
        sources_destroy(t->sources);
        t->sources = NULL;
    }
}

static inline void begin_with(struct trial *t, const struct sources_rules *rules, uint64_t poll_ns)
{
    *t = (struct trial){0};
    assert_int_equal(uv_loop_init(&t->loop), 0);
    log_init(&t->log, LOG_ERROR, true);
    struct error err;
    t->sources = sources_create(&t->loop, &t->log, rules, poll_ns, on_sources, t, &err);
    assert_non_null(t->sources);
}

static inline void begin(struct trial *t)
{
    struct sources_rules rules = {.root = trial_dir, .gitignore = true};
    begin_with(t, &rules, 0);
    assert_false(sources_is_polling(t->sources));
}

static inline void end(struct trial *t)
{
    sources_destroy(t->sources);
    drain(&t->loop);
}

/* Runs a line of shell in the folder; it must succeed. */
static inline void sh(const char *line)
{
    char full[2048];
    int len = snprintf(full, sizeof full, "cd %s && %s", trial_dir, line);
    assert_true(len > 0 && (size_t)len < sizeof full);
    assert_int_equal(system(full), 0);
}

static inline bool any_told(void *ctx)
{
    return ((struct trial *)ctx)->told > 0;
}

/* One telling, of that path and that many files. */
static inline void expect(struct trial *t, const char *path, size_t count)
{
    run_until(&t->loop, any_told, t);
    assert_int_equal(t->told, 1);
    assert_int_equal(t->count, count);
    assert_string_equal(t->path, path);
    t->told = 0;
}

/* At least one telling; several may come where more happens than fits into the quiet time. Returns
 * how many files were told. */
static inline size_t expect_some(struct trial *t)
{
    run_until(&t->loop, any_told, t);
    size_t count = t->count;
    t->told = 0;
    return count;
}

/* Nothing is told of what was done so far: a save that follows is told alone. */
static inline void expect_nothing(struct trial *t)
{
    assert_int_equal(t->told, 0);
    put(at("sentinel.c"), "x");
    expect(t, "sentinel.c", 1);
}

#endif
