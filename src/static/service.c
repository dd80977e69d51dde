/* The services behind hotrun_host. */
#define _GNU_SOURCE
#include "static/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LINE_BYTES 4096

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error"};
#define LEVELS ((int32_t)(sizeof level_names / sizeof level_names[0]))

static hotrun_static *run_of(const hotrun_host *host)
{
    return host->ctx;
}

static int32_t log_level_wanted(void)
{
    const char *word = getenv("HOTRUN_LOG");
    for (int32_t level = 0; word && level < LEVELS; level++)
        if (strcmp(word, level_names[level]) == 0)
            return level;
    return HOTRUN_LOG_INFO;
}

static void log_text(const hotrun_static *run, int32_t level, const char *text)
{
    if (level < run->log_level)
        return;
    char line[LINE_BYTES];
    const char *word = level >= HOTRUN_LOG_ERROR  ? "error: "
                       : level == HOTRUN_LOG_WARN ? "warn: "
                                                  : "";
    int len = snprintf(line, sizeof line - 1, "%s%s", word, text);
    if (len < 0)
        return;
    size_t used = (size_t)len < sizeof line - 1 ? (size_t)len : sizeof line - 2;
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
}

void hotrun_static_log(const hotrun_static *run, int32_t level, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_text(run, level, text);
}

void hotrun_static_event(hotrun_static *run, uint32_t type, const char *name, int64_t value)
{
    if (!run->module->on_event)
        return;
    const hotrun_event event = {.size = sizeof event, .type = type, .name = name, .value = value};
    hotrun_status status = run->module->on_event(&run->host, run->state, &event);
    if (status != HOTRUN_OK)
        hotrun_static_log(run, HOTRUN_LOG_WARN, "on_event returned %s for event %u",
                          hotrun_static_status_name(status), (unsigned)type);
}

static void service_log(const hotrun_host *host, int32_t level, const char *message)
{
    log_text(run_of(host), level, message ? message : "");
}

static void service_wake(const hotrun_host *host)
{
    const uint64_t one = 1;
    ssize_t written = write(run_of(host)->wake_fd, &one, sizeof one);
    (void)written; /* full: a wake is pending anyway */
}

static void service_set_rate(const hotrun_host *host, double hz)
{
    hotrun_static *run = run_of(host);
    run->period_ns = hotrun_static_period(hz);
    run->deadline_ns = hotrun_static_clock() + run->period_ns;
    run->credit = 0;
}

static void service_request_nothing(const hotrun_host *host)
{
    (void)host;
}

static void service_request_exit(const hotrun_host *host, int32_t exit_status)
{
    hotrun_static *run = run_of(host);
    run->ending = true;
    if (!run->failed)
        run->exit_status = exit_status & 0xff;
}

static const void *service_get_extension(const hotrun_host *host, const char *id)
{
    (void)host;
    return id && strcmp(id, "heap/1") == 0 ? &hotrun_static_heap : NULL;
}

bool hotrun_static_services_open(hotrun_static *run, int argc, char **argv, const char *config)
{
    run->log_level = log_level_wanted();
    run->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (run->wake_fd < 0) {
        hotrun_static_log(run, HOTRUN_LOG_ERROR, "no descriptor for wake: %s", strerror(errno));
        return false;
    }
    int skipped = argc > 0 ? 1 : 0; /* the program's name */
    run->host = (hotrun_host){
        .size = sizeof run->host,
        .abi_major = HOTRUN_ABI_MAJOR,
        .abi_minor = HOTRUN_ABI_MINOR,
        .argc = argc - skipped,
        .argv = (const char *const *)argv + skipped,
        .config = config ? config : "{}",
        .ctx = run,
        .log = service_log,
        .wake = service_wake,
        .set_rate = service_set_rate,
        .request_reload = service_request_nothing,
        .request_snapshot = service_request_nothing,
        .request_exit = service_request_exit,
        .keep = hotrun_static_keep,
        .kept = hotrun_static_kept,
        .keep_fd = hotrun_static_keep_fd,
        .kept_fd = hotrun_static_kept_fd,
        .watch_fd = hotrun_static_watch_fd,
        .get_extension = service_get_extension,
    };
    return true;
}

void hotrun_static_services_close(hotrun_static *run)
{
    hotrun_static_forget_all(run);
    if (run->wake_fd >= 0)
        (void)close(run->wake_fd);
}
