/* A module for an ordinary program. Its first argument says what it does; what it sees it tells on
 * stdout, a line each. */
#define _GNU_SOURCE
#include "hotrun/hotrun.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ordinary {
    uint32_t steps;
    uint32_t marked;
    uint64_t first_ns, sum_ns;
};

static pthread_t thread;
static const hotrun_host *thread_host;

static int asked(const hotrun_host *host, const char *what)
{
    return host->argc > 0 && strcmp(host->argv[0], what) == 0;
}

static double number(const hotrun_host *host, int at)
{
    return host->argc > at ? atof(host->argv[at]) : 0;
}

static void *wake_once(void *unused)
{
    thread_host->wake(thread_host);
    return unused;
}

static hotrun_status init(const hotrun_host *host, void *state)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("init %d %s %d\n", (int)host->argc, host->config,
           host->argv[host->argc] == NULL && ((uintptr_t)state & 63u) == 0);
    if (asked(host, "rate") && host->argc > 2)
        host->set_rate(host, number(host, 2));
    if (asked(host, "leave"))
        host->request_exit(host, 9);
    if (asked(host, "wake"))
        host->set_rate(host, 0.001);
    if (asked(host, "stdin")) {
        host->set_rate(host, 0.001);
        printf("keep %d\n", (int)host->keep_fd(host, "in", 0));
        printf("watch %d\n", (int)host->watch_fd(host, "in", HOTRUN_FD_READ));
    }
    if (asked(host, "init-error")) {
        host->log(host, HOTRUN_LOG_ERROR, "the reason");
        return HOTRUN_ERR_IO;
    }
    return HOTRUN_OK;
}

static void keep_things(const hotrun_host *host)
{
    static int thing;
    int pipe_of[2];
    if (pipe(pipe_of) != 0)
        abort();
    printf("keep %d", (int)host->keep(host, NULL, &thing));
    printf(" %d", (int)host->keep(host, "a", &thing));
    printf(" kept %d %d", host->kept(host, "a") == &thing, host->kept(host, "b") == NULL);
    printf(" forgotten %d", (int)host->keep(host, "a", NULL));
    printf(" %d\n", host->kept(host, "a") == NULL);

    printf("keep_fd %d", (int)host->keep_fd(host, "a", 999));
    printf(" %d", (int)host->keep_fd(host, NULL, 0));
    printf(" %d", (int)host->keep_fd(host, "a", pipe_of[0]));
    printf(" kept %d %d", host->kept_fd(host, "a") >= 0, host->kept_fd(host, "b"));
    printf(" replaced %d", (int)host->keep_fd(host, "a", pipe_of[1]));
    printf(" %d", write(host->kept_fd(host, "a"), "x", 1) == 1);
    printf(" watch %d", (int)host->watch_fd(host, "b", HOTRUN_FD_READ));
    printf(" %d", (int)host->watch_fd(host, "a", HOTRUN_FD_WRITE));
    printf(" ended %d", (int)host->keep_fd(host, "a", -1));
    printf(" %d\n", host->kept_fd(host, "a"));
    printf("extension %d\n", host->get_extension(host, "any/1") == NULL);
    close(pipe_of[0]);
    close(pipe_of[1]);
}

struct page {
    _Alignas(4096) char bytes[4096];
};

struct node {
    struct node *next;
    double values[3];
    HOTRUN_RENAMED(values, numbers);
    HOTRUN_EXACT;
};

static int is_zero(const void *memory, size_t len)
{
    const char *bytes = memory;
    while (len > 0 && bytes[len - 1] == 0)
        len--;
    return len == 0;
}

static void make_objects(const hotrun_host *host, int left)
{
    size_t none = 0, many = SIZE_MAX / 16;
    struct node *nodes = hotrun_alloc(host, struct node, 1000);
    struct page *pages = hotrun_alloc(host, struct page, 2);
    printf("objects %d %d", nodes != NULL && is_zero(nodes, 1000 * sizeof *nodes),
           pages != NULL && is_zero(pages, 2 * sizeof *pages));
    printf(" aligned %d", ((uintptr_t)pages & 4095u) == 0);
    printf(" none %d %d", hotrun_alloc(host, struct node, none) == NULL,
           hotrun_alloc(host, struct page, many) == NULL);
    printf(" size %d\n", (int)sizeof(struct node));
    memset(nodes, 1, 1000 * sizeof *nodes);
    if (!left)
        hotrun_free(host, nodes);
    nodes = NULL;
    hotrun_free(host, pages);
    hotrun_free(host, NULL);
}

static void log_things(const hotrun_host *host)
{
    host->log(host, HOTRUN_LOG_DEBUG, "a debug line");
    host->log(host, HOTRUN_LOG_INFO, "an info line");
    host->log(host, HOTRUN_LOG_WARN, "a warn line");
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct ordinary *ordinary = state;
    if (now->index != ordinary->steps || now->generation != 1 ||
        now->flags != (ordinary->steps == 0 ? HOTRUN_STEP_UPDATED : 0))
        printf("wrong step %lu\n", (unsigned long)now->index);
    ordinary->marked += 0x5eed5; /* what a test looks for in the machine code */
    if (ordinary->steps++ == 0)
        ordinary->first_ns = now->now_ns;
    else
        ordinary->sum_ns += now->dt_ns;

    if (asked(host, "exit"))
        return HOTRUN_EXIT;
    if (asked(host, "status"))
        host->request_exit(host, (int32_t)number(host, 1));
    if (asked(host, "step-error"))
        return HOTRUN_ERR_SCHEMA;
    if (asked(host, "no-status"))
        return 77;
    if (asked(host, "rate") && ordinary->steps > number(host, 1)) {
        printf("ran %llu %llu\n", (unsigned long long)(now->now_ns - ordinary->first_ns),
               (unsigned long long)ordinary->sum_ns);
        return HOTRUN_EXIT;
    }
    if (asked(host, "tell"))
        printf("step\n");
    if (asked(host, "stuck"))
        for (;;) {
            printf("stuck\n");
            poll(NULL, 0, 10);
        }
    if (asked(host, "wake")) {
        if (ordinary->steps == 2)
            return HOTRUN_EXIT;
        thread_host = host;
        if (pthread_create(&thread, NULL, wake_once, NULL) != 0)
            abort();
    }
    if (asked(host, "keep")) {
        keep_things(host);
        return HOTRUN_EXIT;
    }
    if (asked(host, "objects")) {
        make_objects(host, host->argc > 1);
        return HOTRUN_EXIT;
    }
    if (asked(host, "log")) {
        log_things(host);
        return HOTRUN_EXIT;
    }
    if (asked(host, "requests")) {
        host->request_reload(host);
        host->request_snapshot(host);
        if (ordinary->steps == 3)
            return HOTRUN_EXIT;
    }
    return HOTRUN_OK;
}

static hotrun_status serialize(const hotrun_host *host, const void *state,
                               const hotrun_writer *writer)
{
    (void)host;
    (void)state;
    printf("serialize\n");
    return hotrun_writef(writer, "{}");
}

static hotrun_status deserialize(const hotrun_host *host, void *state, const char *json, size_t len,
                                 uint32_t from_version)
{
    (void)host;
    (void)state;
    printf("deserialize %s %zu %u\n", json, len, (unsigned)from_version);
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *state, const hotrun_event *event)
{
    (void)state;
    printf("event %d %s %d\n", (int)event->type, event->name ? event->name : "-",
           (int)event->value);
    if (event->type == HOTRUN_EVENT_STOPPING && asked(host, "wake"))
        pthread_join(thread, NULL);
    if (event->type == HOTRUN_EVENT_FD_READY) {
        char text[64];
        ssize_t got = read(host->kept_fd(host, event->name), text, sizeof text);
        if (got <= 0) {
            (void)host->keep_fd(host, event->name, -1);
            host->request_exit(host, 4);
            return HOTRUN_ERR;
        }
        printf("read %.*s", (int)got, text);
    }
    return HOTRUN_OK;
}

static void fini(const hotrun_host *host, void *state, uint32_t why)
{
    const struct ordinary *ordinary = state;
    (void)host;
    printf("fini %u %d\n", (unsigned)why, ordinary->steps > 0);
}

HOTRUN_MODULE(struct ordinary, .name = "ordinary", .init = init, .step = step,
              .serialize = serialize, .deserialize = deserialize, .on_event = on_event,
              .fini = fini);
