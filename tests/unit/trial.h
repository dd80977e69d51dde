/* A folder to try things in and a loop that runs until something has happened. */
#ifndef TEST_TRIAL_H
#define TEST_TRIAL_H

#include <ftw.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <setjmp.h> /* cmocka needs these before it */

#include <cmocka.h>

#define TRIAL_DEADLINE_NS UINT64_C(10000000000)

static char trial_dir[64];

static inline int trial_setup(void **state)
{
    (void)state;
    (void)snprintf(trial_dir, sizeof trial_dir, "/tmp/hotrun-test-XXXXXX");
    return mkdtemp(trial_dir) == NULL ? -1 : 0;
}

static inline int trial_remove_one(const char *path, const struct stat *st, int flag,
                                   struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline int trial_teardown(void **state)
{
    (void)state;
    return nftw(trial_dir, trial_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder. Eight of them live at a time. */
static inline const char *at(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", trial_dir, name);
    return path;
}

/* Writes a file as `cp` does: opened, written, closed. */
static inline void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Waits for the loop's next event, a tenth of a second at most. */
static inline void wait_for_event(uv_loop_t *loop)
{
    int timeout = uv_backend_timeout(loop);
    struct pollfd ready = {.fd = uv_backend_fd(loop), .events = POLLIN};
    (void)poll(&ready, 1, timeout < 0 || timeout > 100 ? 100 : timeout);
}

/* Does what is due, without waiting. */
static inline void turn(uv_loop_t *loop)
{
    (void)uv_run(loop, UV_RUN_NOWAIT);
}

/* Turns the loop until `done` says so; fails at the deadline. */
static inline void run_until(uv_loop_t *loop, bool (*done)(void *ctx), void *ctx)
{
    uint64_t end = uv_hrtime() + TRIAL_DEADLINE_NS;
    for (turn(loop); !done(ctx); turn(loop)) {
        if (uv_hrtime() > end) {
            fail_msg("nothing came until the deadline");
        }
        wait_for_event(loop);
    }
}

/* Whether nothing will come by itself: no timer runs, and no descriptor has anything. */
static inline bool is_still(uv_loop_t *loop)
{
    struct pollfd ready = {.fd = uv_backend_fd(loop), .events = POLLIN};
    return uv_backend_timeout(loop) < 0 && poll(&ready, 1, 0) == 0;
}

/* Every handle was closed, and the loop lets go. */
static inline void drain(uv_loop_t *loop)
{
    (void)uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

#endif
