/* The functions of hotrun_host. A generation that is not committed yet has its requests kept in its
 * struct requests; they take effect at the commit and are forgotten at a refusal. */
#ifndef HOST_SERVICES_H
#define HOST_SERVICES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;
struct host;

struct kept_pointer {
    char *name;
    void *pointer;
};

struct kept { /* keep, kept: pointers by name, over all generations of this host */
    struct kept_pointer *items;
    size_t count, cap;
};

struct kept_change { /* a keep, keep_fd or watch_fd of an uncommitted generation, in order */
    enum {
        CHANGE_POINTER,
        CHANGE_FD,
        CHANGE_WATCH
    } kind;
    char *name;
    void *pointer;
    int number; /* CHANGE_FD: our own duplicate, or -1; CHANGE_WATCH: events */
};

enum {
    REQUEST_RELOAD = 1,
    REQUEST_SNAPSHOT = 2,
    REQUEST_EXIT = 4,
    REQUEST_RATE = 8
};

struct requests {
    bool committed;   /* requests act at once */
    unsigned pending; /* REQUEST_ bits; the page's command word is set with them */
    int exit_status;
    double hz;
    struct kept_change *changes;
    size_t count, cap;
    pthread_mutex_t mutex; /* guards last_error [any thread] */
    char last_error[512];  /* the last ERROR that was logged in the present call */
};

/* Fills in generation->api and prepares its requests. */
void services_init(struct generation *generation);

/* The generation is committed: what it asked for is done. */
void services_commit(struct generation *generation);

/* What it asked for is forgotten. */
void services_finish(struct generation *generation);

/* Forgets the last error before a call; the reason of a call that failed: that error, or "NAME
 * returned STATUS". */
void services_expect(struct generation *generation);
void services_reason(struct generation *generation, const char *callback, int32_t status,
                     char *reason, size_t size);

/* Acts on request_reload, request_snapshot, request_exit and set_rate of the generation that owns
 * the loop. */
void services_serve(struct host *host);

void kept_finish(struct kept *kept);

#endif
