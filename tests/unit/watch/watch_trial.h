/* A watch on one path, and what it told. */
#ifndef TEST_WATCH_TRIAL_H
#define TEST_WATCH_TRIAL_H

#include "watch/watch.h"

#include "trial.h"

struct trial {
    uv_loop_t loop;
    struct log log;
    struct watch *watch;
    unsigned changed, polled, touched, gone;
    enum watch_news last;
    uint64_t since_ns;
    char path[512]; /* read in the callback, as a caller does */
    bool destroy_in_callback;
};

static inline void on_news(void *ctx, enum watch_news news, uint64_t since_ns)
{
    struct trial *t = ctx;
    unsigned *counts[] = {&t->changed, &t->polled, &t->touched, &t->gone};
    ++*counts[news];
    t->last = news;
    t->since_ns = since_ns;
    struct stat st;
    watch_seen(t->watch, stat(t->path, &st) == 0 ? &st : NULL);
    if (t->destroy_in_callback) {
        watch_destroy(t->watch);
        t->watch = NULL;
    }
}

static inline void begin_with(struct trial *t, const char *path, uint64_t settle_ns,
                              uint64_t poll_ns)
{
    *t = (struct trial){0};
    (void)snprintf(t->path, sizeof t->path, "%s", path);
    assert_int_equal(uv_loop_init(&t->loop), 0);
    log_init(&t->log, LOG_ERROR, true);
    struct error err;
    t->watch = watch_create(&t->loop, &t->log, path, settle_ns, poll_ns, on_news, t, &err);
    assert_non_null(t->watch);
}

/* Without a poll: what is told was told by events. */
static inline void begin(struct trial *t, const char *path)
{
    begin_with(t, path, 0, 0);
    assert_false(watch_is_polling(t->watch));
}

static inline void end(struct trial *t)
{
    watch_destroy(t->watch);
    drain(&t->loop);
}

static inline bool any_changed(void *ctx)
{
    return ((struct trial *)ctx)->changed > 0;
}

static inline bool any_gone(void *ctx)
{
    return ((struct trial *)ctx)->gone > 0;
}

static inline void expect_changed(struct trial *t)
{
    run_until(&t->loop, any_changed, t);
    assert_int_equal(t->last, WATCH_CHANGED);
    t->changed = 0;
}

static inline void expect_gone(struct trial *t)
{
    run_until(&t->loop, any_gone, t);
    assert_int_equal(t->last, WATCH_GONE);
    assert_int_equal(t->gone, 1);
    t->gone = 0;
}

static inline void expect_nothing(struct trial *t)
{
    assert_false(watch_has_news(t->watch));
    assert_int_equal(t->changed + t->polled + t->touched + t->gone, 0);
}

#endif
