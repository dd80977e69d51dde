/* How long after a writer's close a save is noticed.
 *   noticing FOLDER FOLDERS FILES SAVES        by hotrun's watch on that many files below FOLDER
 *   noticing bare FOLDER SAVES                 by a program that reads inotify's events of FOLDER
 * The writer is a process of its own. Prints, in ns, what the start cost (first line), and of each
 * save the time from before close() to the reading of its event, and to the telling. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "builder/sources.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_US 20000 /* a person's saves find all at rest */

struct saver {
    pid_t pid;
    int orders, times; /* a byte: save; the clock before close() */
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void save_on(const char *path, int orders, int times)
{
    char order;
    for (unsigned i = 0; read(orders, &order, 1) == 1; i++) {
        (void)usleep(PAUSE_US + i * 37 % 1000); /* off the beat of the clock's ticks */
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, &i, sizeof i) != sizeof i) {
            fail(path);
        }
        uint64_t before_ns = clock_ns();
        (void)close(fd);
        if (write(times, &before_ns, sizeof before_ns) != sizeof before_ns) {
            fail("write");
        }
    }
    exit(0);
}

static struct saver saver_start(const char *path)
{
    int orders[2], times[2];
    if (pipe(orders) != 0 || pipe(times) != 0) {
        fail("pipe");
    }
    struct saver saver = {.pid = fork(), .orders = orders[1], .times = times[0]};
    if (saver.pid == 0) {
        (void)close(orders[1]);
        (void)close(times[0]);
        save_on(path, orders[0], times[1]);
    }
    (void)close(orders[0]);
    (void)close(times[1]);
    return saver;
}

static void saver_order(const struct saver *saver)
{
    if (write(saver->orders, "s", 1) != 1) {
        fail("write");
    }
}

static void saver_report(const struct saver *saver, uint64_t read_ns, uint64_t told_ns)
{
    uint64_t before_ns = 0;
    if (read(saver->times, &before_ns, sizeof before_ns) != sizeof before_ns) {
        fail("read");
    }
    (void)printf("%" PRIu64 " %" PRIu64 "\n", read_ns - before_ns, told_ns - before_ns);
}

static void saver_end(const struct saver *saver)
{
    (void)close(saver->orders);
    (void)waitpid(saver->pid, NULL, 0);
}

/* ---- hotrun's ---- */

struct listener {
    struct saver saver;
    struct sources *sources;
    unsigned left;
};

static void on_sources(void *ctx, const char *path, size_t count, uint64_t since_ns)
{
    (void)path, (void)count;
    struct listener *listener = ctx;
    saver_report(&listener->saver, since_ns, clock_ns());
    if (--listener->left == 0) {
        sources_destroy(listener->sources);
    } else {
        saver_order(&listener->saver);
    }
}

static void make_files(const char *folder, unsigned folders, unsigned files)
{
    char path[4096];
    for (unsigned i = 0; i < files; i++) {
        unsigned home = i % folders;
        if (i < folders) {
            (void)snprintf(path, sizeof path, "%s/part%u", folder, home / 50);
            (void)mkdir(path, 0700);
            (void)snprintf(path, sizeof path, "%s/part%u/sub%u", folder, home / 50, home);
            (void)mkdir(path, 0700);
        }
        (void)snprintf(path, sizeof path, "%s/part%u/sub%u/file%u.c", folder, home / 50, home, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            fail(path);
        }
        (void)close(fd);
    }
}

static void notice(const char *folder, unsigned folders, unsigned files, unsigned saves)
{
    make_files(folder, folders, files);
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/part0/sub%u/file%u.c", folder, folders > 7 ? 7U : 0U,
                   folders > 7 ? 7U : 0U);
    struct listener listener = {.saver = saver_start(path), .left = saves};
    uv_loop_t loop;
    (void)uv_loop_init(&loop);
    struct log log;
    log_init(&log, LOG_WARN, true);
    struct sources_rules rules = {.root = folder, .gitignore = true};
    struct error err;
    uint64_t begun_ns = clock_ns();
    listener.sources = sources_create(&loop, &log, &rules, 0, on_sources, &listener, &err);
    uint64_t ready_ns = clock_ns();
    if (listener.sources == NULL || sources_count(listener.sources) != files) {
        (void)fprintf(stderr, "noticing: %s\n",
                      listener.sources == NULL ? err.text : "not all files are watched");
        exit(1);
    }
    (void)printf("%" PRIu64 "\n", ready_ns - begun_ns);
    saver_order(&listener.saver);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    saver_end(&listener.saver);
}

/* ---- the bare limit ---- */

static void notice_barely(const char *folder, unsigned saves)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/file.c", folder);
    struct saver saver = saver_start(path);
    uint64_t begun_ns = clock_ns();
    int notify = inotify_init1(IN_CLOEXEC);
    if (notify < 0 || inotify_add_watch(notify, folder, IN_CLOSE_WRITE) < 0) {
        fail("inotify");
    }
    (void)printf("%" PRIu64 "\n", clock_ns() - begun_ns);
    _Alignas(struct inotify_event) char events[4096];
    for (unsigned i = 0; i < saves; i++) {
        saver_order(&saver);
        if (read(notify, events, sizeof events) <= 0) {
            fail("read");
        }
        uint64_t now_ns = clock_ns();
        saver_report(&saver, now_ns, now_ns);
    }
    (void)close(notify);
    saver_end(&saver);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "bare") == 0) {
        notice_barely(argv[2], (unsigned)atoi(argv[3]));
    } else if (argc == 5) {
        notice(argv[1], (unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
    } else {
        (void)fprintf(stderr, "noticing: see the head of its source\n");
        return 2;
    }
    return 0;
}
